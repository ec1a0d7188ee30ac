/* Small comforts on top of pages that work without any script. */
(() => {
  "use strict";

  /* A form is sent once: a second click within a few seconds is swallowed, a later one is not. */
  const sentAt = new WeakMap();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (Date.now() - (sentAt.get(form) || 0) < 4000) event.preventDefault();
    else sentAt.set(form, Date.now());
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) sentAt.delete(form);
  });

  /* How much of the room for a text is used: data-count="600". */
  const count = (area) => {
    let line = area.nextElementSibling;
    if (!line || !line.classList.contains("counter")) {
      line = document.createElement("p");
      line.className = "counter hint";
      line.setAttribute("aria-hidden", "true");
      area.after(line);
    }
    line.textContent = `${area.value.length} / ${area.dataset.count}`;
  };

  /* The chosen photos, before they are sent: data-preview. */
  const preview = (input) => {
    const next = input.nextElementSibling;
    const list = next && next.classList.contains("preview") ? next : document.createElement("ul");
    list.className = "photos preview";
    list.replaceChildren();
    input.after(list);
    for (const file of [...input.files].slice(0, 8)) {
      if (!file.type.startsWith("image/")) continue;
      const reader = new FileReader();
      reader.onload = () => {
        const picture = new Image();
        picture.src = reader.result;
        picture.alt = file.name;
        const item = document.createElement("li");
        item.append(picture);
        list.append(item);
      };
      reader.readAsDataURL(file);
    }
  };

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-count]")) count(event.target);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-preview]")) preview(event.target);
  });

  /* What is there at the beginning, and what htmx brings later. */
  const begin = (root) => {
    root.querySelectorAll("[data-count]").forEach(count);
    const errors = root.querySelector("#form-errors");
    if (errors) errors.focus();
  };
  begin(document);
  document.addEventListener("htmx:load", (event) => begin(event.target));
})();
