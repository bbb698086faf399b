// What a page does where scripts run: remembers the colours, marks the section in view, and turns galleries into
// a reviewer's desk. Without it nothing is missing. It asks no server for anything, and builds no markup from text.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // Some browsers refuse storage to pages opened from disk: then what is said lasts as long as the page.
  const memory = new Map();
  let keeps = true;
  const store = {
    read(key) {
      try { return localStorage.getItem(key) ?? memory.get(key) ?? null; } catch { keeps = false; return memory.get(key) ?? null; }
    },
    write(key, value) {
      memory.set(key, value);
      try { localStorage.setItem(key, value); } catch { keeps = false; }
    },
  };

  const themes = all('input[name="theme"]');
  const chosen = store.read("xaireport/theme");
  for (const input of themes) {
    if (input.value === chosen) input.checked = true;
    input.addEventListener("change", () => store.write("xaireport/theme", input.value));
  }

  const entries = new Map(all(".toc a").map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const watch = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) seen[isIntersecting ? "add" : "delete"](target.id);
    const first = [...entries.keys()].find((id) => seen.has(id));
    if (!first) return;
    for (const [id, link] of entries) link.toggleAttribute("aria-current", id === first);
    const link = entries.get(first);
    const list = link.closest("ol");
    if (list.scrollWidth > list.clientWidth) list.scrollTo({ left: link.offsetLeft - 24 });
  }, { rootMargin: "-25% 0px -60% 0px" });
  for (const section of all("section[id]")) watch.observe(section);

  const MARKS = { a: "agree", d: "disagree", u: "unclear" };
  const SIGNS = { agree: "✓ agree", disagree: "✗ disagree", unclear: "? unclear" };

  class Desk {
    constructor(root) {
      this.root = root;
      this.study = root.dataset.review;
      this.key = `xaireport/review/${this.study}/${root.dataset.digest}`;
      this.marks = JSON.parse(store.read(this.key) ?? "{}");
      this.compares = Boolean(root.querySelector("table"));
      this.views = all(this.compares ? "td figure.picture" : "figure.picture", root).map((figure, place) => this.view(figure, place));
      if (!this.views.length) return;
      this.tools();
      this.dialog();
      root.addEventListener("keydown", (event) => this.onKey(event));
      this.arrange();
      this.show();
    }

    view(figure, place) {
      const { sample, variant, called, p } = figure.dataset;
      const view = { figure, place, sample, variant, called, truth: figure.dataset.true, p: Number(p), exact: p };
      view.hit = figure.classList.contains("hit");
      view.id = `${variant}/${sample}`;
      view.home = this.compares ? figure.closest("tr") : figure.parentElement;
      const plain = this.compares ? view.home.querySelector("th img") : figure.querySelector("img");
      view.image = plain;
      const layer = figure.querySelector(".layer");
      if (layer) {
        // The blended picture stands in for scripts that do not run; here the map lies over the image itself.
        const shown = layer.previousElementSibling;
        const base = plain.cloneNode();
        base.alt = shown.querySelector("img").alt;
        shown.replaceChildren(base, layer.firstElementChild);
        shown.className = "stack";
        view.map = shown.lastElementChild;
        layer.remove();
      }
      view.alt = (layer ? figure.querySelector(".stack img") : figure.querySelector("img") ?? plain).alt;
      view.sheet = document.getElementById(figure.id.replace(/^image-/, "sheet-"))?.querySelector("img");
      const frame = figure.querySelector(".frame");
      view.button = make("button", { type: "button", className: "enlarge" });
      view.button.setAttribute("aria-label", `Enlarge: ${view.variant}, ${view.alt}`);
      view.button.addEventListener("click", () => this.open(view));
      frame.append(view.button);
      view.chip = make("span", { className: "chip", hidden: true });
      figure.querySelector("figcaption").append(view.chip);
      return view;
    }

    tools() {
      const pick = (label, options) => {
        const select = make("select", {}, ...options.map(([value, text]) => make("option", { value, textContent: text })));
        select.addEventListener("change", () => this.show());
        return [select, make("label", {}, make("span", { textContent: label }), select)];
      };
      const unique = (key, views) => [...new Set(views.map((view) => view[key]))];
      const wrong = this.views.filter((view) => !view.hit);
      const [byClass, classLabel] = pick("Class", [["", "all"], ...unique("truth", this.views).map((name) => [`=${name}`, name])]);
      const [byOutcome, outcomeLabel] = pick("Outcome", [
        ["", "all"], ["hit", "hits"], ["miss", "misses"],
        ...unique("called", wrong).map((name) => [`=${name}`, `mistaken for ${name}`]),
      ]);
      const [byMark, markLabel] = pick("Review", [["", "all"], ["none", "not marked"], ...Object.values(MARKS).map((mark) => [mark, mark])]);
      const [order, orderLabel] = pick("Order", [["place", "as printed"], ["high", "most confident first"], ["low", "least confident first"]]);
      order.addEventListener("change", () => this.sort());
      Object.assign(this, { byClass, byOutcome, byMark, order });
      this.alpha = this.slider();
      this.count = make("p", { className: "count" });
      this.count.setAttribute("role", "status");
      this.name = make("input", { type: "text", autocomplete: "name", value: store.read("xaireport/reviewer") ?? "" });
      this.name.addEventListener("input", () => store.write("xaireport/reviewer", this.name.value));
      const save = (text, write) => {
        const button = make("button", { type: "button", textContent: text });
        button.addEventListener("click", write);
        return button;
      };
      const form = make("form", { className: "tools" }, classLabel, outcomeLabel, markLabel, orderLabel, this.alpha.label);
      form.setAttribute("aria-label", "Filter, sort and review the images");
      form.addEventListener("submit", (event) => event.preventDefault());
      if (this.compares) form.append(this.columns());
      form.append(
        make("label", {}, make("span", { textContent: "Reviewer" }), this.name),
        make("span", { className: "buttons" },
          save("Export JSON", () => this.download("json", "application/json", this.json())),
          save("Export CSV", () => this.download("csv", "text/csv", this.csv()))),
        this.count,
      );
      this.root.prepend(form);
    }

    slider() {
      const input = make("input", { type: "range", min: 0, max: 100, value: store.read("xaireport/opacity") ?? 50 });
      input.addEventListener("input", () => this.fade(input.value));
      return { input, label: make("label", { className: "slide" }, make("span", { textContent: "Heatmap" }), input) };
    }

    fade(value) {
      store.write("xaireport/opacity", value);
      for (const input of [this.alpha.input, this.large.alpha.input]) input.value = value;
      document.documentElement.style.setProperty("--map", value / 100);
    }

    columns() {
      const table = this.root.querySelector("table");
      const heads = all("thead th", table).slice(1);
      const box = make("fieldset", { className: "variants" }, make("legend", { textContent: "Variants" }));
      this.hidden = new Set();
      heads.forEach((head, column) => {
        const input = make("input", { type: "checkbox", checked: true });
        input.addEventListener("change", () => {
          this.hidden[input.checked ? "delete" : "add"](column);
          for (const row of table.rows) row.cells[column + 1].hidden = !input.checked;
          this.show();
        });
        box.append(make("label", {}, input, make("span", { textContent: head.textContent })));
      });
      return box;
    }

    visible(view) {
      return !this.compares || !this.hidden.has(view.figure.closest("td").cellIndex - 1);
    }

    fits(view) {
      const { byClass, byOutcome, byMark } = this;
      const mark = this.marks[view.id]?.mark ?? "none";
      const outcome = byOutcome.value;
      return this.visible(view)
        && (!byClass.value || byClass.value === `=${view.truth}`)
        && (!outcome || outcome === (view.hit ? "hit" : "miss") || (!view.hit && outcome === `=${view.called}`))
        && (!byMark.value || byMark.value === mark);
    }

    show() {
      const homes = new Map();
      for (const view of this.views) {
        view.fits = this.fits(view);
        if (!this.compares) view.figure.classList.toggle("out", !view.fits);
        homes.set(view.home, homes.get(view.home) || view.fits);
      }
      for (const [home, any] of homes) (this.compares ? home : home.closest(".class")).classList.toggle("out", !any);
      const marked = this.views.filter((view) => this.marks[view.id]?.mark).length;
      const shown = this.views.filter((view) => view.fits).length;
      this.count.textContent = `${shown} of ${this.views.length} shown, ${marked} marked.${keeps ? "" : " This browser keeps no marks for this page: export them before you leave."}`;
    }

    sort() {
      const rank = { place: (view) => view.place, high: (view) => -view.p, low: (view) => view.p }[this.order.value];
      const best = new Map();
      for (const view of [...this.views].sort((a, b) => rank(a) - rank(b))) {
        const item = this.compares ? view.home : view.figure;
        if (!best.has(item)) best.set(item, item.parentElement);
      }
      for (const [item, parent] of best) parent.append(item);
      this.ordered = [...this.views].sort((a, b) =>
        a.figure.compareDocumentPosition(b.figure) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1);
    }

    arrange() {
      this.ordered = this.views;
      for (const view of this.views) this.paint(view);
      this.fade(this.alpha.input.value);
    }

    dialog() {
      const button = (text, label, act) => {
        const made = make("button", { type: "button", textContent: text });
        if (label) made.setAttribute("aria-label", label);
        made.addEventListener("click", act);
        return made;
      };
      const large = { alpha: this.slider() };
      large.title = make("h2", { className: "h2", tabIndex: -1, id: `desk-${this.study}` });
      large.pictures = make("div", { className: "pictures" });
      large.siblings = make("div", { className: "siblings" });
      large.words = make("p");
      large.link = make("a", { textContent: "Link to this image" });
      large.marks = Object.entries(MARKS).map(([key, mark]) => {
        const made = button(SIGNS[mark], "", () => this.mark(this.current, mark));
        made.title = `key ${key}`;
        return made;
      });
      large.comment = make("textarea", { rows: 3 });
      large.comment.addEventListener("input", () => this.comment(this.current, large.comment.value));
      const box = make("dialog", { className: "desk" },
        make("div", { className: "deskbar" },
          button("← previous", "", () => this.step(-1)),
          button("next →", "", () => this.step(1)),
          button("close", "", () => box.close())),
        large.title, large.words,
        make("div", { className: "look" }, large.pictures, large.siblings),
        make("div", { className: "say" },
          large.alpha.label,
          make("div", { className: "verdicts" }, ...large.marks),
          make("label", { className: "comment" }, make("span", { textContent: "Comment" }), large.comment),
          large.link));
      large.marks[0].parentElement.setAttribute("role", "group");
      large.marks[0].parentElement.setAttribute("aria-label", "Your judgement of the heatmap");
      box.setAttribute("aria-labelledby", large.title.id);
      box.addEventListener("keydown", (event) => this.onKey(event));
      box.addEventListener("close", () => this.current?.button.focus());
      box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
      this.large = Object.assign(large, { box });
      this.root.append(box);
    }

    open(view) {
      const { large } = this;
      this.current = view;
      const whole = make("div", { className: "stack" }, this.copy(view.image, view.alt));
      if (view.map) whole.append(this.copy(view.map, ""));
      else if (!view.figure.querySelector("img")) whole.append(make("span", { className: "none", textContent: "no heatmap" }));
      large.pictures.className = view.sheet || view.figure.closest(".wide") || view.home.querySelector(".wide") ? "pictures tall" : "pictures";
      large.pictures.replaceChildren(this.copy(view.image, ""), whole, ...(view.sheet ? [this.copy(view.sheet, view.sheet.alt)] : []));
      large.title.textContent = view.hit ? `${view.truth}, and called so` : `${view.truth}, called ${view.called}`;
      large.words.textContent = `${view.sample} · ${view.variant} · p = ${view.p.toPrecision(3)}${this.root.dataset.method ? ` · ${this.root.dataset.method}` : ""}`;
      large.link.href = `#${view.figure.id || view.home.querySelector("figure").id}`;
      const siblings = this.views.filter((other) => other.sample === view.sample && this.visible(other));
      large.siblings.replaceChildren(...(siblings.length > 1 ? siblings.map((other) => this.sibling(other)) : []));
      this.paint(view);
      if (!large.box.open) large.box.showModal();
      large.title.focus();
    }

    sibling(view) {
      const stack = make("span", { className: "stack" }, this.copy(view.image, ""));
      if (view.map) stack.append(this.copy(view.map, ""));
      const made = make("button", { type: "button" }, stack, make("span", { textContent: `${view.variant}: ${view.called}` }));
      if (view === this.current) made.setAttribute("aria-current", "true");
      made.addEventListener("click", () => this.open(view));
      return made;
    }

    copy(image, alt) {
      const made = image.cloneNode();
      made.alt = alt;
      return made;
    }

    step(by) {
      const shown = this.ordered.filter((view) => view.fits && (!this.compares || view.variant === this.current.variant));
      const at = shown.indexOf(this.current);
      const next = shown[(at + by + shown.length) % shown.length];
      if (next) this.open(next);
    }

    onKey(event) {
      if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
      const inside = event.currentTarget === this.large.box;
      const view = inside ? this.current : this.views.find((each) => each.button === event.target);
      if (!view || (!inside && this.large.box.open)) return;
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const over = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (MARKS[event.key]) this.mark(view, MARKS[event.key]);
      else if (by && inside) this.step(by);
      else if (by) this.walk(view, this.ordered.filter((each) => each.fits), by);
      else if (over && this.compares) {
        const rows = this.ordered.filter((each) => each.fits && each.variant === view.variant);
        if (inside) this.walk(view, this.views.filter((each) => each.sample === view.sample && this.visible(each)), over);
        else this.walk(view, rows, over);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }

    walk(view, views, by) {
      const next = views[views.indexOf(view) + by];
      if (!next) return;
      if (this.large.box.open) this.open(next);
      else next.button.focus();
    }

    mark(view, mark) {
      const old = this.marks[view.id] ?? {};
      this.keep(view, { ...old, mark: old.mark === mark ? "" : mark });
    }

    comment(view, comment) {
      this.keep(view, { ...this.marks[view.id], comment });
    }

    keep(view, said) {
      // Another page of the same study may have kept marks meanwhile.
      this.marks = { ...JSON.parse(store.read(this.key) ?? "{}") };
      if (said.mark || said.comment) this.marks[view.id] = { mark: "", comment: "", ...said, at: new Date().toISOString() };
      else delete this.marks[view.id];
      store.write(this.key, JSON.stringify(this.marks));
      this.paint(view);
      this.show();
    }

    paint(view) {
      const said = this.marks[view.id];
      view.chip.hidden = !said;
      view.chip.className = `chip ${said?.mark ?? ""}`;
      view.chip.textContent = said ? [SIGNS[said.mark], said.comment && "comment"].filter(Boolean).join(", ") : "";
      if (view !== this.current) return;
      for (const button of this.large.marks) button.setAttribute("aria-pressed", String(button.textContent === SIGNS[said?.mark]));
      if (this.large.comment.value !== (said?.comment ?? "")) this.large.comment.value = said?.comment ?? "";
    }

    reviewed() {
      return this.views.filter((view) => this.marks[view.id]).map((view) => ({
        variant: view.variant, sample_id: view.sample, y_true: view.truth, y_pred: view.called, p: view.p,
        outcome: view.hit ? "hit" : "miss", mark: this.marks[view.id].mark, comment: this.marks[view.id].comment, at: this.marks[view.id].at,
      }));
    }

    json() {
      const review = {
        format: "xaireport-review/1", study: this.study, evidence_digest: this.root.dataset.digest, page: document.title,
        method: this.root.dataset.method, reviewer: this.name.value, images_on_page: this.views.length, images: this.reviewed(),
      };
      return `${JSON.stringify(review, null, 2)}\n`;
    }

    csv() {
      const columns = ["variant", "sample_id", "y_true", "y_pred", "p", "outcome", "mark", "comment", "at", "reviewer", "study", "evidence_digest"];
      // A cell that begins like a formula would be one in a spreadsheet.
      const cell = (value) => `"${String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
      const more = { reviewer: this.name.value, study: this.study, evidence_digest: this.root.dataset.digest };
      return [columns, ...this.reviewed().map((row) => columns.map((name) => ({ ...row, ...more })[name]))]
        .map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
    }

    download(suffix, type, text) {
      const address = URL.createObjectURL(new Blob([text], { type }));
      const variants = [...new Set(this.views.map((view) => view.variant))];
      const name = [this.study, ...(variants.length === 1 ? variants : []), "review"].join("-").replace(/[^\w.-]+/g, "_");
      make("a", { href: address, download: `${name}.${suffix}` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    }
  }

  const desks = all("[data-review]").map((root) => new Desk(root));
  addEventListener("storage", (event) => {
    for (const desk of desks) {
      if (event.key !== desk.key) continue;
      desk.marks = JSON.parse(event.newValue ?? "{}");
      for (const view of desk.views) desk.paint(view);
      desk.show();
    }
  });
})();
