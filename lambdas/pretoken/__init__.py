"""Cognito's trigger before a token is made: says who the person is to us."""
