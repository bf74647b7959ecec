# Train: the plan in plain words, and the form of all settings.
train-title = Ready to train
train-lead = This is what suits your data. You can start right away.
train-of = Train on { $data }
train-plan = The plan
train-start = Start the training
train-fault = Something in the form cannot be used

plan-network-linear = The simplest model: it weighs each detail and adds them up.
plan-network-layers = { $count ->
    [0] The simplest model: it weighs each detail and adds them up.
    [one] A network with one inner layer.
   *[other] A network with { $count } inner layers.
 }
plan-network-lenet = A small network made for small pictures.
plan-network-resnet18 = A network for photographs, 18 layers deep.
plan-network-resnet34 = A network for photographs, 34 layers deep: slower, often a little better.
plan-network-other = A network of the kind “{ $name }”.
plan-pretrained-pictures = It begins with what it has learned from other pictures.
plan-division = It learns from { $train } % of the examples, watches itself on { $validation } %, and takes its final exam on { $test } % that it has never seen.
plan-passes = { $epochs ->
    [one] It goes through the examples once.
   *[other] It goes through the examples { $epochs } times.
 }
plan-passes-early = It goes through the examples up to { $epochs } times, and stops early once { $patience } passes have brought nothing better.
plan-augment = In each pass it sees the pictures a little changed, so that it learns what matters.
plan-keep-best = In the end it keeps the best state that it was in.
plan-keep-last = In the end it keeps the state after the last pass.

effort-title = How thoroughly?
effort-quick = Quick look
effort-quick-about = a quarter of the passes
effort-usual = Recommended
effort-usual-about = as in the plan above
effort-thorough = Thorough
effort-thorough-about = twice the passes

limit-label = Time limit
limit-unit = minutes
limit-none = none
limit-help = When the time is over, the training ends and the best model so far is measured and kept. Measuring takes a moment longer.

fault-empty = cannot be empty; to get the recommended value, reload the page
fault-minutes = give a number of minutes above 0, at most 40,320 (four weeks)

expert-title = All settings, for experts
expert-about = The fields hold the recommended recipe. What you do not touch stays as it is.
expert-default = default
expert-only = For { $names } only.

section-model = Network
section-data = Data
section-optimizer = Optimizer
section-schedule = Learning-rate schedule
section-augment = Changes to pictures
section-training = Loop

choice-model-linear = one layer
choice-model-mlp = fully connected layers
choice-model-lenet = for small pictures
choice-model-resnet18 = for photographs
choice-model-resnet34 = for photographs, deeper
choice-optimizer-sgd = gradient descent with momentum
choice-optimizer-adam = the usual choice
choice-optimizer-adamw = Adam with separate weight decay
choice-optimizer-rmsprop = running mean square
choice-schedule-constant = the same throughout
choice-schedule-step = down in steps
choice-schedule-exponential = down by a factor each epoch
choice-schedule-cosine = down along a cosine
choice-schedule-one-cycle = up, then down
