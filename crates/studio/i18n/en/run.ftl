run-title = Training
run-is-running = The model is learning.
run-is-interrupted = The training was stopped. It can go on where it was.
run-is-failed = The training ended with an error.
run-is-finished = The training is finished.
run-time = Time: { $time }
run-stop = Stop and save
run-resume = Go on
run-goes-on = You can close this page; the training goes on.
run-elsewhere = Another program on this machine works on this run. Stop it there.
run-to-result = See the result
run-to-try = Try it out
run-compare = Compare with other runs
run-progress = Progress
run-starting = Starting …
run-pass = Pass { $epoch } of { $epochs } over the data
run-pass-left = Pass { $epoch } of { $epochs } over the data, about { $time } left
run-waiting = { $ahead ->
    [one] Waiting for the training before it
   *[other] Waiting for { $ahead } trainings before it
}
run-decoding = Reading pictures: { $done } of { $total }
run-time-over = The time is over. The training finishes with the best it has.
run-machine = This machine
run-processor = Processor
run-memory = Memory
run-log = Log
run-epochs = The curves as a table
run-recipe = All settings (recipe)
run-wrong = What it still gets wrong
run-wrong-help = Examples that were held back for checking and that the model is most wrong about. Look for wrong labels here: they are often the worst mistakes.
run-wrong-epoch = After pass { $epoch }
run-wrong-truth = is { $truth }
run-wrong-alt = A picture of { $truth }
row-number = Row { $row }
no-model-yet = This training has no finished model yet
list-comma = {", "}

chart-epoch = pass
chart-steps = each step
curve-train = training
curve-validation = check

log-started = Started: { $epochs } passes over { $examples } examples
log-resumed = Went on after step { $step }
log-epoch = Pass { $epoch }: { $scores } ({ $time })
log-epoch-best = Pass { $epoch }: { $scores } ({ $time }), the best so far
log-sample = After pass { $epoch } it writes: { $text }
log-time-over = The time was over in pass { $epoch }
log-early = Stopped early after pass { $epoch }: nothing has got better since pass { $best }
log-interrupted = Stopped and saved at step { $step }
log-finished = Done after { $steps } steps in { $time }

time-seconds = { $s } s
time-minutes = { $m } min { $s } s
time-hours = { $h } h { $m } min

status-running = learning
status-interrupted = stopped
status-finished = finished
status-failed = failed
