
// Densities of the logits, a curve and a dot at the mean for each class; circles are the
// means at the place `still`, where there is one.
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const percent = (share) => `${(100 * share).toFixed(0)} %`;
const drawLogits = (svg, network, name, at, still, [low, top], tallest) => {
  const { peaks, density, mean } = network.directions[name];
  const [wide, high, foot] = [358, 145, 172];
  const place = (logit) => (wide * (logit - low)) / (top - low);
  const channels = mean[at].length;
  const points = network.points;
  const [first, last] = network.range;
  const xs = Array.from({ length: points }, (_, point) =>
    place(first + ((last - first) * point) / (points - 1)).toFixed(1),
  );
  const values = bytes(density).subarray(at * channels * points);
  const parts = [`<path d="M${place(0)} 0V${high}" stroke="var(--line)"/>`];
  for (let channel = 0; channel < channels; channel++) {
    const colour = `var(--p${channel % 10})`;
    const line = [];
    for (let point = 0; point < points; point++) {
      const share = (values[channel * points + point] / 255) * (peaks[at][channel] / tallest);
      line.push(`${xs[point]} ${(high * (1 - share)).toFixed(1)}`);
    }
    parts.push(
      `<path d="M${xs[0]} ${high}L${line.join("L")}L${xs[points - 1]} ${high}z" fill="${colour}" fill-opacity=".2" stroke="${colour}"/>`,
      `<circle cx="${place(mean[at][channel])}" cy="${high + 8}" r="3.5" fill="${colour}"/>`,
    );
    if (still !== undefined) {
      parts.push(`<circle cx="${place(mean[still][channel])}" cy="${high + 17}" r="3.5" fill="none" stroke="${colour}"/>`);
    }
  }
  for (const [logit, anchor] of [[low, "start"], [0, "middle"], [top, "end"]]) {
    parts.push(written(place(logit), foot + 14, logit.toFixed(0), anchor));
  }
  parts.push(written((place(0) + wide) / 2, foot + 14, "logit", "middle"));
  svg.innerHTML = parts.join("");
};
const written = (x, y, text, anchor = "start") =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="12" fill="var(--soft)">${text}</text>`;

// What a slider moves: in all networks at once the logits, loss and accuracy, and more.
const slide = (id, inWords, drawMore = () => {}) => {
  const part = byId(id);
  if (!part) return;
  const data = JSON.parse(part.querySelector("script").textContent);
  const slider = part.querySelector("[type=range]");
  const direction = part.querySelector("select");
  const show = () => {
    const at = Number(slider.value);
    const name = direction?.value ?? "epochs";
    const said = inWords(data, at);
    part.querySelector("output").textContent = said;
    slider.setAttribute("aria-valuetext", said);
    const cells = all("[data-cell]", part)
      .map((cell, index) => [cell, data.networks[index]])
      .filter(([cell]) => !cell.hidden);
    // One scale for all networks that are shown, with room above the highest curve.
    const seen = cells.map(([, network]) => network);
    const ends = seen.flatMap((network) => network.range);
    const range = [Math.min(...ends), Math.max(...ends)];
    const tallest = 1.1 * Math.max(...seen.flatMap((network) => network.directions[name].peaks[at]));
    for (const [cell, network] of cells) {
      const { loss, accuracy, share } = network.directions[name];
      drawLogits(cell.querySelector("svg"), network, name, at, data.still, range, tallest);
      const best = share[at].indexOf(Math.max(...share[at]));
      const facts = {
        loss: loss[at].toFixed(2),
        accuracy: percent(accuracy[at]),
        share: `${data.classes[best]}, for ${percent(share[at][best])} of the images`,
      };
      for (const [fact, text] of Object.entries(facts)) {
        cell.querySelector(`[data-fact=${fact}]`).textContent = text;
      }
      drawMore(cell, network, at, data, seen);
    }
  };
  slider.addEventListener("input", show);
  direction?.addEventListener("change", show);
  networks.addEventListener("change", show);
  show();
  all("[data-marks]", part).forEach(hearKeys);
};

// Steps of any length along a direction.
slide("walk", ({ lengths }, at) => {
  const length = lengths[at];
  return `${length > 0 ? "+" : ""}${(100 * length).toFixed(1).replace(".0", "")} %`;
});

// Training: overlaps of the leading eigenvectors, and where the epoch is on its way.
const drawOverlaps = (svg, vectors, { moments, colours }) => {
  const [left, wide, tall] = [30, 310, 24];
  const place = (share) => left + wide * share;
  const foot = tall * vectors.length;
  const parts = [0, 0.5, 1].map(
    (share) =>
      `<path d="M${place(share)} 0V${foot}" stroke="var(--line)"/>` +
      written(place(share), foot + 14, percent(share), "middle"),
  );
  for (const [row, { shares, placebo }] of vectors.entries()) {
    const top = tall * row + 4;
    const said = shares.map((share, index) => `${moments[index]} ${percent(share)}`).join(", ");
    parts.push(
      written(0, top + 13, `v${row + 1}`),
      `<g data-tip="v${row + 1}: ${said}; placebos ${percent(placebo)}">`,
      `<path d="M${left} ${top}h${wide}v16h${-wide}z" fill="transparent"/>`,
    );
    let from = 0;
    for (const [index, share] of shares.entries()) {
      parts.push(`<rect x="${place(from)}" y="${top}" width="${wide * Math.max(share, 0)}" height="16" fill="${colours[index]}"/>`);
      from += Math.max(share, 0);
    }
    parts.push(`<path d="M${place(placebo)} ${top - 2}v20" stroke="var(--ink)" stroke-width="2"/></g>`);
  }
  svg.innerHTML = parts.join("");
};
const drawEdge = (svg, network, at, { epochs, limit }, seen) => {
  const [left, wide, high] = [42, 304, 120];
  const values = seen.flatMap(({ product, sharpness }) => [...product, ...sharpness]);
  const tens = [limit, ...values.filter((value) => value !== null)].map(Math.log10);
  const [low, top] = [Math.floor(Math.min(...tens)), Math.ceil(Math.max(...tens))];
  const x = (epoch) => left + (wide * epoch) / (epochs.at(-1) || 1);
  const y = (value) => high * (1 - (Math.log10(value) - low) / (top - low));
  const parts = [];
  for (let power = low; power <= top; power++) {
    const value = 10 ** power;
    parts.push(
      `<path d="M${left} ${y(value)}h${wide}" stroke="var(--line)"/>`,
      written(left - 4, y(value) + 4, Number(value.toPrecision(1)), "end"),
    );
  }
  parts.push(
    `<path d="M${left} ${y(limit)}h${wide}" stroke="var(--ink)" stroke-dasharray="6 4"/>`,
    `<path data-now d="M${x(epochs[at])} 0V${high}" stroke="var(--link)" stroke-width="2"/>`,
    // The chosen epoch, and the ends where they do not run into it.
    ...[...new Set([epochs[0], epochs.at(-1), epochs[at]])]
      .filter((epoch) => epoch === epochs[at] || Math.abs(x(epoch) - x(epochs[at])) > 20)
      .map((epoch) => written(x(epoch), high + 16, epoch, "middle")),
  );
  for (const [line, words, dashes] of [
    [network.product, "rate x largest eigenvalue", ""],
    [network.sharpness, "rate x batch sharpness", "1 4"],
  ]) {
    const known = epochs.map((epoch, index) => [epoch, line[index], index]).filter(([, value]) => value !== null);
    parts.push(
      `<polyline points="${known.map(([epoch, value]) => `${x(epoch)},${y(value)}`).join(" ")}" fill="none" stroke="var(--ink)" stroke-width="2" stroke-linecap="round" stroke-dasharray="${dashes}"/>`,
      ...known.map(
        ([epoch, value, index]) =>
          `<circle data-tip="epoch ${epoch}, ${words}: ${value}" cx="${x(epoch)}" cy="${y(value)}" r="${index === at ? 5 : 3}" fill="var(--${index === at ? "link" : "ink"})"/>`,
      ),
    );
  }
  svg.innerHTML = parts.join("");
};
slide(
  "epochs",
  ({ epochs }, at) => String(epochs[at]),
  (cell, network, at, data, seen) => {
    drawOverlaps(cell.querySelector("[data-of=overlaps]"), network.overlaps[at], data);
    drawEdge(cell.querySelector("[data-of=edge]"), network, at, data, seen);
  },
);
