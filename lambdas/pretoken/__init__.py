"""Cognito's trigger before a token is issued: determines who the person is."""
