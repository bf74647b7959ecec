# The frame of all pages, signing in, and what is said when something is wrong.
app-name = Modelwright
frame-skip = Skip to the content
frame-language = Language
frame-theme = Colours
frame-theme-auto = As the system
frame-theme-light = Light
frame-theme-dark = Dark
frame-steps = Steps
frame-sign-out = Sign out
frame-local = Everything stays on this machine.
frame-docs = For programs: the API

step-home = Home
step-data = Data
step-train = Train
step-run = Run
step-result = Result
step-try = Try it
step-ship = Ship

yes = yes
no = no

problem-title = That did not work
problem-not-found = There is nothing here
problem-internal = Something broke on our side
problem-home = To the start

guard-host = This address is not one of the studio's own. Open it as http://localhost.
guard-origin = This request came from another site and was refused.
guard-sign-in = Please sign in first

sign-in-title = Sign in
sign-in-lead = This studio asks for a token. Whoever set it up can make one for you.
sign-in-token = Token
sign-in-go = Sign in
sign-in-wrong = This token does not open the studio. It may be mistyped, expired, or only for predictions.
