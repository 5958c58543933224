"""Talking to WeChat: ``api`` for mini-programs, ``pay`` for WeChat Pay v3, ``bill`` for its bills.

Addresses and secrets come from ``settings.WECHAT``, so the same code talks to WeChat and to the
project's fake of it. Nothing here touches the database, and nothing here may be called while a
transaction is open.
"""
