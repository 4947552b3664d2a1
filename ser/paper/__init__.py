"""The results as a manuscript takes them: figures as files, tables in LaTeX and Markdown, numbers as macros."""
