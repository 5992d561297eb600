// Figures that share a place: show the chosen one.
for (const group of document.querySelectorAll("fieldset[data-switch]")) {
  const figures = group.parentElement.querySelectorAll("[data-choice]");
  const show = () => {
    const chosen = group.querySelector("input:checked").value;
    for (const figure of figures) figure.hidden = figure.dataset.choice !== chosen;
  };
  group.addEventListener("change", show);
  show();
}

// Values of eigenvalues and overlaps under the pointer.
const tip = document.getElementById("tip");
document.addEventListener("pointermove", (event) => {
  const mark = event.target.closest("[data-tip]");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  const left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(event.clientY - 34, 4)}px`;
});

// Gradient descent on x^2 / 2 at the chosen learning rate, in the picture's units.
const rate = document.getElementById("rate");
const descend = () => {
  const factor = 1 - rate.value;
  const points = [];
  for (let step = 0, x = 2; step <= 12 && Math.abs(x) < 30; step++, x *= factor) {
    points.push(`${150 + 12 * x},${190 - 3 * x * x}`);
  }
  document.getElementById("path").setAttribute("points", points.join(" "));
  const growth = Math.abs(factor);
  const fate = growth < 1 ? "converges" : growth > 1 ? "diverges" : "stays";
  document.getElementById("fate").textContent =
    `learning rate ${Number(rate.value).toFixed(2)} / curvature: ` +
    `the distance is multiplied by ${growth.toFixed(2)} in each step, and ${fate}`;
};
rate.addEventListener("input", descend);
descend();
