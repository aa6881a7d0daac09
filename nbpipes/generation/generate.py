"""Writing on request: the way of writing that fits the settings, and its results."""

from nbpipes.errors import InputError
from nbpipes.generation.assisted import AssistedWriter
from nbpipes.generation.beams import BeamWriter
from nbpipes.generation.loop import Request, TokenWriter, Writer, Written
from nbpipes.models.decoding import Decoder, ModelDecoder

decoder_of = ModelDecoder
"""Makes a loaded model what the functions here take."""


def writer(decoder: Decoder, request: Request) -> Writer:
    """What writes as the settings ask. InputError for settings that exclude each other."""
    if request.assistant is not None:
        if request.settings.num_beams > 1:
            raise InputError("an assistant does not go with num_beams")
        return AssistedWriter(decoder, request)
    return (BeamWriter if request.settings.num_beams > 1 else TokenWriter)(decoder, request)


def generate(decoder: Decoder, request: Request) -> list[list[Written]]:
    """Writes until every text is complete. Returns the texts for each prompt."""
    work = writer(decoder, request)
    while not work.finished:
        work.advance()
    return work.results()
