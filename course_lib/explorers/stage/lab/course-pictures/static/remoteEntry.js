// Stored pictures in JupyterLab. A picture gets its alternative text, which JupyterLab leaves out.
// An explorer that no kernel knows any more (the server was stopped, the kernel restarted) shows
// its stored picture and says how its sliders come back, where JupyterLab shows an error.
//
// Plain JavaScript that needs no building: JupyterLab asks the container below for its module.
(() => {
  const NAME = "course-pictures";
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const PICTURE = "image/png";
  let scope; // JupyterLab's own modules, by name and version

  // The copy of a module that everyone gets: the one in use, or else the newest.
  async function shared(name) {
    const copies = scope[name];
    const newer = (a, b) => b.localeCompare(a, "en", { numeric: true });
    const versions = Object.keys(copies).sort(newer);
    const version = versions.find(found => copies[found].loaded) ?? versions[0];
    return (await copies[version].get())();
  }

  // Adds the words that are stored beside a picture to the element that shows it.
  function describe(node, model) {
    const about = model.metadata[PICTURE] ?? {};
    const image = node.querySelector("img");
    if (image) image.alt = about.alt ?? model.data["text/plain"] ?? "";
    if (image && about.note) {
      const note = document.createElement("p");
      note.textContent = about.note;
      note.className = "course-note";
      note.style.fontStyle = "italic";
      image.parentNode.append(note);
    }
  }

  // Whether a widget's renderer has given up. It holds no widget then, as while it still waits for
  // the kernel; but only when it gives up does it mark itself as a widget's place, for the looks.
  const failed = renderer => renderer.widgets.length === 0 && renderer.hasClass("jupyter-widgets");

  // Every renderer that a notebook makes passes through here.
  function adopt(rendermime) {
    const make = rendermime.createRenderer.bind(rendermime);
    rendermime.createRenderer = type => {
      const renderer = make(type);
      const render = renderer.renderModel.bind(renderer);
      if (type === PICTURE) {
        renderer.renderModel = async model => {
          await render(model);
          describe(renderer.node, model);
        };
      }
      if (type === VIEW) {
        renderer.renderModel = async model => {
          await render(model);
          if (!failed(renderer) || !model.data[PICTURE]) return;
          const picture = rendermime.createRenderer(PICTURE);
          await picture.renderModel(model);
          renderer.removeClass("jupyter-widgets");
          renderer.node.replaceChildren(picture.node);
        };
      }
      return renderer;
    };
  }

  async function plugin() {
    const { INotebookTracker } = await shared("@jupyterlab/notebook");
    return {
      id: `${NAME}:plugin`,
      description: "Alternative texts, and pictures of explorers without a kernel.",
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_app, notebooks) => {
        notebooks.forEach(panel => adopt(panel.content.rendermime));
        notebooks.widgetAdded.connect((_, panel) => adopt(panel.content.rendermime));
      },
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB[NAME] = {
    init: modules => { scope = modules; },
    get: async () => {
      const found = await plugin();
      return () => ({ __esModule: true, default: found });
    },
  };
})();
