"""Image search on BigQuery, in the order of Google's tutorial.

What each thing is: components/. How it is done: imagesearch/.
"""

import pulumi

from components.apis import Apis
from components.connection import Connection
from components.dataset import Dataset
from components.embeddings import Embeddings
from components.notebook import Notebook
from components.object_table import ObjectTable
from components.outputs import export
from components.preflight import Preflight
from components.remote_model import RemoteModel
from components.searches import Searches
from components.settings import load
from components.vector_index import VectorIndex

stack = load()

preflight = Preflight("preflight", stack)
apis = Apis("apis", stack, pulumi.ResourceOptions(depends_on=[preflight]))
enabled = pulumi.ResourceOptions(depends_on=[apis])

dataset = Dataset("dataset", stack, enabled)
connection = Connection("connection", stack, enabled)
object_table = ObjectTable("images", stack, dataset, connection, enabled)
model = RemoteModel("model", stack, dataset, connection, enabled)
embeddings = Embeddings("embeddings", stack, object_table, model, enabled)
index = VectorIndex("index", stack, embeddings, enabled)
searches = Searches("searches", stack, model, embeddings, index, enabled)
notebook = Notebook("notebook", stack, object_table, model, embeddings, enabled)

export(stack, connection, object_table, model, embeddings, index, searches, notebook)
