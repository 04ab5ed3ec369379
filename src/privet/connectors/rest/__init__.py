"""Systems with an HTTP API, by declaration: files in the SaaS connector format of Fides, read and carried out.

`words`: what a file says. `config`, `dataset`: reading it. `template`: placeholders. `auth`, `paging`, `process`: the
strategies. `call`: one exchange. `merge`: the dataset that people's requests plan by. `connector`: all of it together.

Sources: the Fides documentation, "SaaS configuration", "SaaS pagination", "SaaS post-processors", "OAuth2".
"""
