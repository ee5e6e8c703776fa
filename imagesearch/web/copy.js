// The one thing that needs a script: copying a statement.
for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const statement = document.getElementById(button.dataset.copies);
    const told = document.getElementById("told");
    try {
      await navigator.clipboard.writeText(statement.textContent);
      button.textContent = "Copied";
      told.textContent = "The statement is in the clipboard.";
    } catch {
      getSelection().selectAllChildren(statement);
      button.textContent = "Selected";
      told.textContent = "The browser did not allow copying; the statement is selected.";
    }
    setTimeout(() => { button.textContent = "Copy SQL"; told.textContent = ""; }, 2500);
  });
}
