"""Whisper's way of writing: windows over long sounds, languages, timestamps, and second tries."""
