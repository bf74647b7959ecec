# Bringing data, looking at it, mending it.
data-title = Data
data-question = What shall it learn from?
data-lead = Bring examples from your work, or begin with a set that is here already.
data-yours = Your data
data-embedded = Try without data of your own
data-embedded-lead = Small sets inside the program. Each trains in seconds to a minute.
data-all = ← All data
data-a-table = Table
data-a-folder = { $files ->
    [one] Pictures, one file
   *[other] Pictures, { $files } files
 }
data-looking = Looking at your data
data-decoded = { $done } of { $total } pictures
data-reading = Reading …
data-unreadable = This cannot be read as it is.
data-problem = What is wrong
data-encoding = Do the letters look wrong?
data-encoding-about = A file from an older program may write its letters in another encoding. Choose how to read it; what you brought is not changed.
data-pictures-in = { $count ->
    [one] One picture
   *[other] { $count } pictures
 } in { $classes ->
    [one] one class
   *[other] { $classes } classes
 }
data-rows-in = { $count ->
    [one] One row
   *[other] { $count } rows
 } with { $columns ->
    [one] one column
   *[other] { $columns } columns
 }
data-next = Continue to the training
data-not-yet = Before a training can begin, what is marked red above has to be mended.
data-no-target = Choose above which column the model shall predict; then the training can begin.
data-why = What is missing
data-balance = Examples of each class
data-balance-about = Even bars are best: what is rare is learned badly.
data-class = Class
data-examples = Examples
data-share = Share
data-pictures = Pictures
data-picture-of = an example of { $class }
data-picture = Picture
data-grey = grey
data-colour = colour
data-one-size = All { $size } pixels, { $colour }
data-many-sizes = { $count } sizes, mostly { $size } pixels, { $colour }
data-more-classes = { $count ->
    [one] One more class
   *[other] { $count } more classes
 }
data-odd = Worth a look
data-why-odd = Why
data-rows = First rows
data-columns = Columns
data-remove = Remove this data
data-remove-about = The files are deleted from the studio. Models that were trained on them stay, but interrupted trainings cannot go on.
data-remove-now = Delete for good

set-digits-title = Handwritten digits
set-digits-about = 1,797 pictures of digits, 8 × 8 pixels: which digit is it?
set-ames-title = House prices
set-ames-about = 2,930 sales in Ames, Iowa: what is the price?
set-german-credit-title = Loans
set-german-credit-about = 1,000 loans with 20 facts about who took them: will they be paid back?
set-iris-title = Kinds of iris
set-iris-about = 150 flowers, four measures of each: which species is it?

upload-drop = Drop a folder, a zip archive or a file here
upload-kinds = Pictures and text files: one folder for each kind. Tables: CSV, TSV, JSON lines or Parquet. Also Markdown, and questions in SQuAD’s format.
upload-folder = Choose a folder
upload-file = Choose a zip or file
upload-send = Upload
upload-sending = Uploading
upload-storing = Unpacking and storing …
upload-cancel = Cancel
upload-lost = The connection was lost. Please try again.
upload-how = How should it be arranged?
upload-layout =
    photos/
    {"    "}fine/      1.jpg  2.jpg  …
    {"    "}faulty/    1.jpg  2.jpg  …

    mails/
    {"    "}order/     1.txt  2.txt  …
    {"    "}question/  1.txt  2.txt  …

    customers.csv
    {"    "}age,city,months,left
    {"    "}34,Oslo,12,no
    {"    "}51,Bergen,3,yes
upload-bad-name = A file has a name that cannot be used
upload-too-many = Too many files; this is the most that one upload may have
upload-too-large = Too large; an upload may have at most so many MB
upload-twice = A file is there twice
upload-link = The archive holds a link or special file, which is not allowed
upload-encrypted = The archive is protected by a password; make one without
upload-bomb = A file in the archive grows suspiciously large when unpacked
upload-damaged = The archive is damaged or is no zip
upload-broken = The upload was not complete
upload-nothing = There are no pictures, no texts and no table among these files (png, jpg, bmp, webp, gif; txt, md; csv, tsv, json, jsonl, parquet)
upload-many-tables = There are several tables; bring the one to learn from

finding-title = What we noticed
finding-none = Nothing odd was found. The data is ready.
finding-unreadable = { $count ->
    [one] One picture cannot be opened. A training would stop at it.
   *[other] { $count } pictures cannot be opened. A training would stop at them.
 }
finding-duplicates = { $count ->
    [one] One picture is a copy of another.
   *[other] { $count } pictures are copies of others.
 } Copies count double, and if two classes share one, the model is taught a contradiction.
finding-shared = { $count ->
    [one] One picture of the part “{ $part }” is
   *[other] { $count } pictures of the part “{ $part }” are
 } in the part “{ $other }” as well. The score will look better than it is.
finding-empty = The column “{ $column }” has no value at all.
finding-sparse = The column “{ $column }” is empty in { $share } % of the rows.
finding-constant = The column “{ $column }” has the same value in every row.
finding-identifier = The column “{ $column }” is different in every row. A running number teaches nothing and misleads.
finding-no-target = { $count ->
    [one] One row has no answer in “{ $column }”. It is
   *[other] { $count } rows have no answer in “{ $column }”. They are
 } left out of the training.
finding-equal-rows = { $count ->
    [one] One row occurs before.
   *[other] { $count } rows occur before.
 } Nothing to do: equal rows are never split between learning and testing.
finding-conflicting = { $count ->
    [one] One row has the same details as another
   *[other] { $count } rows have the same details as others
 } but another answer. No model can get all of them right.
finding-one-class = There is only one class, “{ $class }”. To tell things apart, it takes at least two.
finding-uneven = “{ $class }” has only { $few } examples, the largest class has { $many }. What is rare would be overlooked.
finding-few = { $count ->
    [one] “{ $class }” has only one example.
   *[other] “{ $class }” has only { $count } examples.
 } With twenty or more it becomes reliable.

fix-skip-bad = Leave them out
fix-copy = Make a copy without duplicates
fix-exclude = Leave “{ $column }” out
fix-balance = Let rare classes count more
fix-encoding = Read as { $encoding }
fix-no-folder = Copies can only be made of folders of pictures
fix-unknown = There is no such fix

chosen-title = Applied
chosen-skip-bad = Pictures that cannot be opened are left out
chosen-balanced = Rare classes count more
chosen-encoding = Text is read as { $encoding }
chosen-exclude = The column “{ $column }” is left out
chosen-undo = Undo

part-train = training
part-validation = validation
part-test = test

target-question = Which column shall the model predict?
target-column = Column to predict
target-choose = Please choose …
target-use = Use this column

column-name = Column
column-kind = Kind
column-missing = Missing
column-distinct = Different
column-values = Values
column-use = Use
column-range = { $min } to { $max }, { $mean } on average
column-histogram = how often each range of values occurs
column-target = to predict
column-exclude = Leave out
column-include = Take back in
kind-integer = whole number
kind-number = number
kind-boolean = yes or no
kind-date = date
kind-category = group
kind-text = text
