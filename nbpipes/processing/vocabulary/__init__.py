"""From the files of a repository to a backend of the tokenizers library: classes, settings, builders."""
