// Copies a statement to the clipboard. Nothing else needs a script.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const statement = document.getElementById(button.dataset.copy);
    const status = document.getElementById("copy-status");
    try {
      await navigator.clipboard.writeText(statement.textContent);
      button.textContent = "Copied";
      status.textContent = "The statement is in the clipboard.";
    } catch {
      getSelection().selectAllChildren(statement);
      button.textContent = "Selected";
      status.textContent = "The browser did not allow copying; the statement is selected.";
    }
    setTimeout(() => { button.textContent = "Copy SQL"; status.textContent = ""; }, 2500);
  });
}
