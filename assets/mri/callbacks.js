/* What Dash calls in the browser (web/scene_callbacks.py); none of it asks the server. */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});

  const DAY_MS = 86400000;

  /** The scene, when it shows what the callback is about. */
  function sceneShowing(state) {
    const scene = state && mri.sceneNamed(state.scene);
    return scene && scene.state && scene.state.key === state.key ? scene : null;
  }

  /** The chosen lesion in the list of its panel. */
  mri.markLesion = function (scene, key) {
    const panel = scene.root.closest("[data-mri-for]");
    if (!panel) return;
    panel.querySelectorAll("[data-mri-does=lesion]").forEach((row) => {
      const chosen = row.dataset.mriWith === key;
      row.setAttribute("aria-pressed", String(chosen));
      if (chosen) row.scrollIntoView({ block: "nearest" });
    });
    const number = scene.state.tour.indexOf(key);
    const text = number < 0 ? `– of ${scene.state.tour.length}` : `${number + 1} of ${scene.state.tour.length}`;
    panel.querySelectorAll(".clams-mri-tour").forEach((each) => (each.textContent = text));
  };

  const element = (type, children, className) => ({
    namespace: "dash_html_components",
    type,
    props: { children, className },
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    clams_mri: {
      async show(state, target) {
        const { callback_context: context, no_update: unchanged } = window.dash_clientside;
        const showing = sceneShowing(state);
        if (showing && target && context.triggered.every(({ prop_id }) => prop_id.includes(state.ids.target.part))) {
          showing.moveTo(target);
          return unchanged;
        }
        const scene = mri.sceneNamed(state.scene);
        const message = scene ? await scene.show(state) : null;
        return message === null ? unchanged : message;
      },

      slide(index, state) {
        const { slider } = window.dash_clientside.callback_context.outputs_list.id;
        const scene = sceneShowing(state);
        if (scene) scene.slide(slider, index);
        return index;
      },

      look(levels, on, opacity, style, kind, state) {
        const scene = sceneShowing(state);
        if (scene) {
          scene.look(levels, { on, opacity: opacity / 100, style });
          scene.chooseOverlay(kind);
        }
        return levels.map((level) => Math.round((level / 255) * 100)).join("–") + " %";
      },

      reset_window(_clicks, state) {
        return state.slots.current.window;
      },

      /** Prior beside current, three planes, or the solid view: the panes are exchanged. */
      arrange(arrangement, arrangements, state) {
        const { no_update: unchanged } = window.dash_clientside;
        const scene = mri.sceneNamed(state.scene);
        const now = scene && scene.root.querySelector("[data-arrangement]");
        return !now || now.dataset.arrangement === arrangement ? unchanged : arrangements[arrangement];
      },

      /** Called for a choice of a plane, and when the panes were exchanged. */
      plane(name, _panes, state) {
        const scene = mri.sceneNamed(state.scene);
        if (scene) scene.setPlane(name);
        return name;
      },

      /** The card of the chosen lesion: its facts, and its volume over time. */
      card(key, disputed, state, figure) {
        const target = state && state.targets[key];
        const nothing = { ...figure, data: figure.data.map((trace) => ({ ...trace, x: [], y: [] })) };
        if (!target) return [[element("P", "Choose a lesion from the list, or press N.", "clams-muted")], nothing];
        const marked = (disputed || []).includes(key) ? [["Disputed", "by a reader"]] : [];
        const facts = [...marked, ...target.facts];
        const rows = facts.flatMap(([label, value]) => [element("Dt", label), element("Dd", value)]);
        const swatch = element("I", null, `clams-swatch is-${target.change}`);
        const head = element("Div", [swatch, target.title], "clams-card-title");
        return [[head, element("Dl", rows, "clams-card-facts")], historyOf(target, nothing)];
      },

      chosen(key) {
        return key || null;
      },
    },
  });

  /** The figure of figures/lesion_history.py with the volumes of one lesion. */
  function historyOf({ history }, empty) {
    const [line, now] = empty.data;
    const error_y = { ...line.error_y, array: history.map((one) => one.error_mm3) };
    const x = history.map((one) => one.date);
    const y = history.map((one) => one.volume_mm3);
    const filled = { ...line, x, y, error_y, customdata: history.map((one) => one.note) };
    const layout = { ...empty.layout, xaxis: { ...empty.layout.xaxis, ...spanOf(x) } };
    const last = { ...now, x: x.slice(-1), y: y.slice(-1), customdata: filled.customdata.slice(-1) };
    return { ...empty, layout, data: [filled, last] };
  }

  /** The dates of a history with some room; a single one lies in the middle of two years. */
  function spanOf(dates) {
    const days = dates.map((date) => Date.parse(date) / DAY_MS);
    const [first, last] = [Math.min(...days), Math.max(...days)];
    const room = Math.max(0.06 * (last - first), last === first ? 365 : 0);
    return { range: [first - room, last + room].map((day) => new Date(day * DAY_MS).toISOString().slice(0, 10)) };
  }
})();
