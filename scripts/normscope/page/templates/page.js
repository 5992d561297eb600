const byId = (id) => document.getElementById(id);

// One switch for the whole page: which networks are shown.
const networks = byId("network-switch");
const showNetworks = () => {
  const chosen = new Set(all("input:checked", networks).map((box) => box.value));
  const isChosen = (part) => chosen.has(part.dataset.network);
  for (const figure of all(".kind")) {
    const parts = all("[data-network]", figure);
    // A figure of none of them is whole, or it would be empty.
    const isEmpty = !parts.some(isChosen);
    for (const part of parts) part.hidden = !isEmpty && !isChosen(part);
    offer(figure, parts.filter((part) => part.hidden && !part.closest(".caption")));
  }
};
// What a figure has beside what is drawn: its title may speak of it.
const offer = (figure, parts) => {
  figure.querySelector(".also")?.remove();
  const names = new Set(parts.map((part) => part.dataset.network));
  const boxes = all("input", networks).filter((box) => names.has(box.value));
  if (!boxes.length) return;
  const button = document.createElement("button");
  button.className = "also";
  button.textContent = `Show too: ${boxes.map((box) => box.parentNode.textContent.trim()).join(", ")}`;
  button.addEventListener("click", () => choose(boxes));
  figure.querySelector(".pair").after(button);
};
const choose = (boxes) => {
  for (const box of boxes) box.checked = true;
  networks.dispatchEvent(new Event("change"));
};
networks.addEventListener("change", showNetworks);
showNetworks();

// One eigenvector for the whole page: its dot, its bar, and a step along it.
const vector = byId("vector");
const chooseVector = (name) => {
  vector.value = name;
  document.body.classList.toggle("has-vector", Boolean(name));
  for (const mark of all("[data-vector]")) {
    mark.classList.toggle("chosen", mark.dataset.vector === name);
  }
  for (const panel of all("[data-panel]")) {
    panel.classList.toggle("chosen", panel.dataset.panel === name);
  }
  const direction = byId("walk-direction");
  const value = `eigenvector_${name.slice(1)}`;
  if (direction?.querySelector(`[value="${value}"]`)) {
    direction.value = value;
    direction.dispatchEvent(new Event("change"));
  }
};
vector.addEventListener("change", () => chooseVector(vector.value));

// What a mark says: under the pointer, by touch, and by arrow keys in its figure.
const tip = byId("tip");
const say = (mark, x, y) => {
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  const left = Math.min(x + 12, innerWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(y - 34, 4)}px`;
};
const middle = (mark) => {
  const box = mark.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
};
const sayAt = (mark) => say(mark, ...middle(mark));
const shownMarks = (figure) =>
  all("[data-tip]", figure).filter((mark) => mark.getClientRects().length);
// A finger is wider than a mark: the nearest within 24 pixels answers.
const nearest = (event) => {
  const direct = event.target.closest("[data-tip]");
  const figure = event.target.closest("[data-marks]");
  if (direct || !figure || event.pointerType === "mouse") return direct;
  const far = (mark) => {
    const [x, y] = middle(mark);
    return Math.hypot(x - event.clientX, y - event.clientY);
  };
  const found = shownMarks(figure).sort((a, b) => far(a) - far(b))[0];
  return found && far(found) < 24 ? found : null;
};
for (const kind of ["pointermove", "pointerdown"]) {
  document.addEventListener(kind, (event) => {
    if (kind === "pointermove" && event.pointerType !== "mouse") return;
    say(nearest(event), event.clientX, event.clientY);
  });
}
document.addEventListener("click", (event) => {
  const mark = nearest(event);
  const name = mark?.dataset.vector ?? event.target.closest("[data-panel]")?.dataset.panel;
  if (name && vector.querySelector(`option:nth-child(${Number(name.slice(1)) + 1})`)) {
    chooseVector(vector.value === name ? "" : name);
  }
});
const hearKeys = (figure) => {
  if (!figure.querySelector("[data-tip]")) return;
  let place = -1;
  figure.tabIndex = 0;
  figure.setAttribute("role", "group");
  figure.setAttribute("aria-label", "Arrow keys go from mark to mark, Enter chooses an eigenvector");
  figure.addEventListener("keydown", (event) => {
    const marks = shownMarks(figure);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      place = (place + step + marks.length) % marks.length;
      sayAt(marks[place]);
    } else if (event.key === "Enter" && marks[place]?.dataset.vector) {
      chooseVector(marks[place].dataset.vector);
    }
  });
  figure.addEventListener("blur", () => say(null));
};
all("[data-marks]").forEach(hearKeys);
for (const term of all("button.term")) {
  term.addEventListener("focus", () => sayAt(term));
  term.addEventListener("blur", () => say(null));
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") say(null);
});

// A link to a claim opens it, and shows what it leads to where that is hidden.
const openTarget = () => {
  const target = location.hash && byId(location.hash.slice(1));
  if (target?.tagName === "DETAILS") target.open = true;
  if (!target?.hidden) return;
  choose(all("input", networks).filter((box) => box.value === target.dataset.network));
  for (const filter of all("[data-filter]")) {
    filter.value = "";
    filter.dispatchEvent(new Event("change"));
  }
  target.scrollIntoView();
};
addEventListener("hashchange", openTarget);
openTarget();
// On paper claims are open.
addEventListener("beforeprint", () => {
  for (const claim of all("details")) claim.open = true;
});

// Gradient descent on x^2 / 2 at the chosen learning rate, in the picture's units.
const rate = byId("rate");
const descend = () => {
  const factor = 1 - rate.value;
  const points = [];
  for (let step = 0, x = 2; step <= 12 && Math.abs(x) < 30; step++, x *= factor) {
    points.push(`${150 + 12 * x},${190 - 3 * x * x}`);
  }
  byId("path").setAttribute("points", points.join(" "));
  const growth = Math.abs(factor);
  const fate = growth < 1 ? "converges" : growth > 1 ? "diverges" : "stays";
  byId("fate").textContent =
    `learning rate ${Number(rate.value).toFixed(2)} / curvature: ` +
    `the distance is multiplied by ${growth.toFixed(2)} in each step, and ${fate}`;
};
if (rate) {
  rate.addEventListener("input", descend);
  descend();
}
