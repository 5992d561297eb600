const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// Claims by what came of them.
for (const filter of all("[data-filter]")) {
  for (const option of all("option", filter)) {
    // What no claim of this run is cannot be asked for.
    if (option.value && !document.querySelector(`[data-mark="${option.value}"]`)) option.remove();
  }
  filter.addEventListener("change", () => {
    for (const claim of all("[data-mark]")) {
      claim.hidden = Boolean(filter.value) && claim.dataset.mark !== filter.value;
    }
  });
}
