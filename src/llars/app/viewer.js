/* The viewer: one stage with a slider between two images, or a stage for each image; all move together. */
const root = element.querySelector(".viewer");
const state = { zoom: 1, x: 0.5, y: 0.5, at: 0.5, mode: "slider", left: null, right: null, seen: null };
const view = () => props.value || { images: [] };
const found = (key) => view().images.find((image) => image.key === key) || view().images[0];
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(Boolean));
  return node;
};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function place() {
  const half = 0.5 / state.zoom;
  state.x = clamp(state.x, half, 1 - half);
  state.y = clamp(state.y, half, 1 - half);
  for (const picture of root.querySelectorAll(".picture")) {
    const scale = state.zoom;
    picture.style.transform =
      `translate(${(0.5 - state.x * scale) * 100}%, ${(0.5 - state.y * scale) * 100}%) scale(${scale})`;
    const real = picture.naturalWidth || 1;
    picture.classList.toggle("crisp", (picture.clientWidth * scale) / real > 1.6);
  }
  for (const stage of root.querySelectorAll(".stage")) stage.style.setProperty("--at", `${state.at * 100}%`);
  const level = root.querySelector(".level");
  if (level) level.textContent = `${Math.round(state.zoom * 100)} %`;
  const handle = root.querySelector(".handle");
  if (handle) handle.setAttribute("aria-valuenow", Math.round(state.at * 100));
}

function zoom(factor, u = 0.5, v = 0.5) {
  const before = state.zoom;
  state.zoom = clamp(before * factor, 1, 24);
  state.x += (u - 0.5) * (1 / before - 1 / state.zoom);
  state.y += (v - 0.5) * (1 / before - 1 / state.zoom);
  place();
}

function movable(stage) {
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * 0.0018), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }, { passive: false });
  stage.addEventListener("dblclick", () => { Object.assign(state, { zoom: 1, x: 0.5, y: 0.5 }); place(); });
  stage.addEventListener("pointerdown", (event) => {
    const box = stage.getBoundingClientRect();
    const slides = stage.querySelector(".handle") &&
      (event.target.closest(".handle") || state.zoom === 1);
    stage.setPointerCapture(event.pointerId);
    const slide = (moved) => { state.at = clamp((moved.clientX - box.left) / box.width, 0, 1); place(); };
    let last = event;
    const move = (moved) => {
      if (slides) return slide(moved);
      state.x -= (moved.clientX - last.clientX) / box.width / state.zoom;
      state.y -= (moved.clientY - last.clientY) / box.height / state.zoom;
      last = moved;
      place();
    };
    if (slides) slide(event);
    stage.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"])
      stage.addEventListener(end, () => stage.removeEventListener("pointermove", move), { once: true });
  });
}

function layer(image, side) {
  const picture = make("img", { class: "picture", src: image.url, alt: image.name, draggable: "false", onload: place });
  const letter = make("b", { text: image.letter });
  return make("div", { class: `layer ${side}` }, picture, make("span", { class: "tag" }, letter, ` ${image.name}`));
}

function stage(images) {
  const box = make("div", { class: "stage", style: `aspect-ratio:${view().aspect};--ratio:${view().aspect}` });
  if (images.length === 2) {
    box.append(layer(images[1], "right"), layer(images[0], "left"));
    const keys = (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (step) { state.at = clamp(state.at + step, 0, 1); place(); event.preventDefault(); }
    };
    box.append(make("div", {
      class: "handle", role: "slider", tabindex: "0", "aria-label": "how much of the left image is shown",
      "aria-valuemin": "0", "aria-valuemax": "100", onkeydown: keys,
    }));
  } else box.append(layer(images[0], "only"));
  movable(box);
  return box;
}

function picker(side) {
  const change = (event) => { state[side] = event.target.value; draw(); };
  const select = make("select", { class: "pick", "aria-label": `image on the ${side}`, onchange: change });
  for (const image of view().images)
    select.append(make("option", { value: image.key, selected: image.key === state[side], text: `${image.letter}  ${image.name}` }));
  return select;
}

function toolbar() {
  const several = view().images.length > 1;
  const mode = (name, text) => make("button", {
    type: "button", class: state.mode === name ? "on" : null, "data-mode": name, text,
    "aria-pressed": String(state.mode === name), onclick: () => { state.mode = name; draw(); },
  });
  const button = (text, label, act) => make("button", { type: "button", "aria-label": label, title: label, text, onclick: act });
  const fit = () => { Object.assign(state, { zoom: 1, x: 0.5, y: 0.5 }); place(); };
  return make("div", { class: "bar" },
    several && make("div", { class: "group" }, mode("slider", "Slider"), mode("grid", "Side by side")),
    several && state.mode === "slider" && make("div", { class: "group picks" }, picker("left"), make("span", { text: "↔" }), picker("right")),
    make("div", { class: "group end" }, button("−", "zoom out", () => zoom(1 / 1.5)), make("span", { class: "level" }),
      button("+", "zoom in", () => zoom(1.5)), button("Fit", "show the whole scene", fit)));
}

function card(image) {
  const about = [image.told, image.size, image.seconds].filter(Boolean).join(" · ");
  return make("li", { class: "card" }, make("b", { class: "letter", text: image.letter }),
    make("div", { class: "about" }, make("strong", { text: image.name }), make("small", { text: about }),
      ...image.notes.map((note) => make("small", { class: "note", text: note }))),
    image.report && make("a", { class: "get quiet", href: image.report, target: "_blank", rel: "noopener", text: "Report" }),
    image.file && make("a", { class: "get", href: image.file, download: image.filename, text: "Download GeoTIFF" }));
}

function draw() {
  const { images, version } = view();
  if (!images.length) { root.replaceChildren(make("p", { class: "empty", text: "Open a scene to begin." })); return; }
  if (state.seen !== version) {
    if (String(state.seen).split("/")[0] !== String(version).split("/")[0]) Object.assign(state, { zoom: 1, x: 0.5, y: 0.5 });
    Object.assign(state, { seen: version, left: images[0].key, right: images[images.length - 1].key });
  }
  const single = images.length === 1;
  const shown = single ? [images] : state.mode === "slider" ? [[found(state.left), found(state.right)]] : images.map((image) => [image]);
  const stages = make("div", { class: `stages n${shown.length}` }, ...shown.map(stage));
  root.replaceChildren(toolbar(), stages, make("ul", { class: "cards" }, ...images.slice(1).map(card)));
  root.dataset.images = images.length;
  place();
}

watch("value", draw);
draw();
