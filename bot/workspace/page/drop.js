// Files dragged onto a pane.

export function acceptFiles(pane, take) {
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  pane.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    pane.classList.add("drop-target");
  });
  pane.addEventListener("dragleave", (event) => {
    if (!pane.contains(event.relatedTarget)) pane.classList.remove("drop-target");
  });
  pane.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    pane.classList.remove("drop-target");
    take([...event.dataTransfer.files]);
  });
}
