"""Writing on request: the way of writing that fits the settings, and its results."""

from nbpipes.generation.beams import BeamWriter
from nbpipes.generation.loop import Request, TokenWriter, Writer, Written
from nbpipes.models.decoding import Decoder, ModelDecoder

decoder_of = ModelDecoder
"""Makes a loaded model what the functions here take."""


def writer(decoder: Decoder, request: Request) -> Writer:
    """What writes as the settings ask."""
    return (BeamWriter if request.settings.num_beams > 1 else TokenWriter)(decoder, request)


def generate(decoder: Decoder, request: Request) -> list[list[Written]]:
    """Writes until every text is complete. Returns the texts for each prompt."""
    work = writer(decoder, request)
    while not work.finished:
        work.advance()
    return work.results()
