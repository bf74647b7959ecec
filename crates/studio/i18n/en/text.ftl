# Texts: tasks, data, trying, results.
task-text-classification-title = Sort what people write
task-text-classification-example = Is this review happy or angry? Is this message spam? Which topic, which team? In English, Chinese and other languages.
task-text-classification-technical = text classification
task-text-classification-short = texts to classes
task-text-classification-data = Bring a table with a column of texts and one with the right answer, or a folder with text files, one folder for each kind.
task-text-classification-as = The model reads the text and names its kind.
task-text-classification-instead = Read the text and name its kind instead
task-text-embedding-title = Find what means the same
task-text-embedding-example = Search by meaning in tickets, products or documents; find duplicates; group what belongs together.
task-text-embedding-technical = text embedding, semantic search
task-text-embedding-short = texts to vectors
task-text-embedding-data = Bring a table of pairs: two texts in each row that belong together, such as a question and its answer.
task-text-embedding-as = The two texts of a row belong together: the model learns to put them close to each other.
task-text-embedding-instead = Learn which texts belong together instead
task-question-answering-title = Answer questions
task-question-answering-example = A customer asks in their own words; the answer comes from your FAQ or stands in your documents. If it does not know, it says so.
task-question-answering-technical = question answering
task-question-answering-short = questions to answers
task-question-answering-data = Bring a table with questions and answers, a folder of Markdown documents, or questions with their texts in SQuAD’s format.
task-question-answering-as = The model answers questions with what is here.
task-question-answering-instead = Answer questions with it instead

set-faq-title = Questions and answers, English
set-faq-about = 1,081 questions with answers and categories: what does somebody want to know?
set-faq-zh-title = Questions and answers, Chinese
set-faq-zh-about = 465 questions with answers in Chinese: what does somebody want to know?

data-a-text-folder = { $files ->
    [one] Texts, one file
   *[other] Texts, { $files } files
 }
data-notes = { $count ->
    [one] What was done while reading (one note)
   *[other] What was done while reading ({ $count } notes)
 }
texts-title = The texts
texts-column = Which column holds the text?
texts-in = They are in the column “{ $column }”.
texts-usual = A usual one has
texts-longest = The longest has
texts-characters = { $count ->
    [one] 1 character
   *[other] { $count } characters
 }
texts-empty = Empty
texts-twice = Repeated
texts-scripts = Written in
texts-lengths = { $shortest } to { $longest } characters, { $mean } on average
script-latin = Latin
script-han = Chinese characters
script-kana = Japanese kana
script-hangul = Hangul
script-cyrillic = Cyrillic
script-greek = Greek
script-arabic = Arabic
script-hebrew = Hebrew
script-devanagari = Devanagari
script-thai = Thai
script-other = other scripts

plan-network-text-cnn = A small network that looks at a few words at a time. It learns from your texts alone, in minutes.
plan-network-bert-mini = A small network that reads every word beside all others. It learns the language from your texts alone, so it needs many.
plan-network-bert = A network that has read a great deal before and knows the language already.
plan-pretrained-texts = It begins with what it has learned from other texts.
choice-model-text-cnn = texts, fast, from your data alone
choice-model-bert-mini = texts, from your data alone
choice-model-bert = texts, with pretrained weights
choice-model-auto = what suits
choice-model-cls = the first token
choice-model-mean = the mean of all tokens
choice-model-merged = into the weights
choice-model-apart = a file of their own
choice-model-wordpiece = pieces of words, as BERT
choice-model-bpe = frequent pairs, as GPT
choice-model-unigram = probable pieces, as XLM-R

result-confusion-texts = A row for each true kind, a column for each answer; right answers are green. Choose a number to read the texts behind it.

compared-title = Was the model worth its cost?
compared-help = Simple models count words and learn in seconds. They saw the same texts and took the same test.
compared-earned = Yes. It reaches { $score }; the best simple one, { $name }, reaches { $other }.
compared-same = Not on these figures. It reaches { $score }, and { $name } reaches { $other }.
compared-worse = No. It reaches { $score }; { $name } is better with { $other }.
compared-chance = If both were equally good, chance would make such a difference in 1 of { $cases } cases.
compared-chance-rare = If both were equally good, chance would make such a difference in fewer than 1 of 1,000 cases.
compared-chance-often = Chance easily makes such a difference.
compared-few = With { $examples } examples, chance may make such a difference.
compared-model = Model
compared-this = this model
compared-time = training
baseline-naive-bayes-on-n-grams = naive Bayes on word pieces
baseline-logistic-regression-on-n-grams = logistic regression on word pieces

labels-title = Label by label
labels-help = A label is given from a probability of { $threshold } % on.
labels-label = label
labels-trust = how often it is right
labels-mistakes = look at
labels-missed = missed
labels-false = wrongly given
labels-missed-of = { $count ->
    [one] One example has “{ $label }” and was not given it
   *[other] { $count } examples have “{ $label }” and were not given it
 }
labels-false-of = { $count ->
    [one] One example was given “{ $label }” and does not have it
   *[other] { $count } examples were given “{ $label }” and do not have it
 }

found-title = Questions with and without an answer
found-help = An answer counts as exact if it says the same, word for word; the overlap counts the words that it shares with the expected one.
found-questions = question
found-answerable = The text has the answer
found-unanswerable = The text has no answer
found-exact = exact
found-overlap = overlap
found-see = See its answers
found-places = Where does the right one stand?
found-among = { $queries } queries, each compared with { $texts } texts.
found-first = { $count ->
    [one] it comes first
   *[other] it is among the first { $count }
 }
found-refuse = Does it know what it does not know?
found-threshold = It answers once it is { $threshold } % sure. That way it answers { $answered } of 100 questions, and { $right } of 100 answers are right.
found-outside = Of the questions that nothing here answers, it turns away { $share } of 100.
found-curve-help = The stricter it is, the fewer questions it answers, and the more of its answers are right. The point is where it stands.
found-curve-axes = To the right: share of the questions that it answers. Upwards: share of these answers that are right.

answers-title = Its answers
answers-lead = { $right } of { $count } answers are right word for word. The wrong ones come first, the surest on top.
answers-given = its answer
answers-true = expected
answers-none = (none)

try-text-title = Give a text
try-text-from = This is row { $row } of your data. Paste your own over it.
try-text-only = Text
try-text-question = Question
try-text-context = Text in which the answer stands
try-text-longest = The model reads about { $longest } characters.
try-text-cut = This text has { $length } characters; only about the first { $longest } were read.
try-text-empty = Please give a text first
try-no-label = No label fits.
try-labels-help = Each label for itself; from 50 % on it is given.
try-nothing-written = The model wrote nothing.
try-cut-off = The answer was cut off here; it may go on.
try-vector = The text is a vector now.
try-vector-help = { $width } numbers that stand for its meaning. Texts that mean the same get vectors that lie close together.
try-near = Closest in your data
try-no-span = The text does not say.
try-where = Where it stands
try-unknown-answer = I do not know.
try-unknown-help = The closest known question is only { $p } % likely to be the right one.
try-match = Known as: “{ $question }”
try-neighbours = The closest known questions

plan-faq-letters = It compares a question with the known ones by their letters and words. That takes no pretrained weights and is done in seconds.
plan-faq-meaning = It compares a question with the known ones by their meaning and by their letters.
plan-faq-threshold = It answers once it is { $p } % sure; else it says that it does not know, and shows what comes closest.
result-on-faq = Measured on { $examples } questions made from the known ones: with slips and left-out words, and some whose answer was taken away. Try it with your own words to see how it does with real ones.
task-chat-title = Talk with customers
task-chat-example = An assistant that answers in your company’s voice, tuned on your conversations; or a small model that writes like your texts.
task-chat-technical = chat, language models
task-chat-short = conversations to answers
task-chat-data = Bring conversations (JSON lines with messages), questions with answers, or a book.
task-chat-as = The model learns to answer as in these conversations.
task-chat-instead = Learn to talk like this instead
