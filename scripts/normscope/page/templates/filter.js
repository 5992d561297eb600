const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// Claims by what came of them.
for (const filter of all("[data-filter]")) {
  filter.addEventListener("change", () => {
    for (const claim of all("[data-mark]")) {
      claim.hidden = Boolean(filter.value) && claim.dataset.mark !== filter.value;
    }
  });
}
