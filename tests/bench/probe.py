"""Counts the SQL statements of a request that asks for it."""

from django.db import connection


class StatementCount:
    """Answers ``X-Statements`` to a request that carries ``X-Probe``; costs nothing otherwise."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        if "X-Probe" not in request.headers:
            return self.get_response(request)
        count = 0

        def counted(execute, sql, params, many, context):
            nonlocal count
            count += 1
            return execute(sql, params, many, context)

        with connection.execute_wrapper(counted):
            response = self.get_response(request)
        response["X-Statements"] = str(count)
        return response
