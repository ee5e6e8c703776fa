"""Not there, as where only requirements.txt is installed: Jupyter, which some tests need, brings tqdm, and BigQuery's
client loads IPython with it, which takes a quarter of the time that loading the client takes."""

raise ModuleNotFoundError("No module named 'tqdm'", name="tqdm")
