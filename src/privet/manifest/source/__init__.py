"""Source texts that say what data are: annotations, models, statements of SQL. Nothing of it is run."""
