// What every page does: the current step of the bar is in view on narrow screens.

const current = document.querySelector("nav.steps [aria-current]");
current?.scrollIntoView({ block: "nearest", inline: "center" });
