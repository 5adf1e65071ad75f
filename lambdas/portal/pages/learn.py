"""Courses, quizzes, certificates, and guidelines to accept (L3.5, L4.1, L4.4, L4.5)."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.common.learning import PASS_PERCENT, Course
from lambdas.portal.portal import DelegateRefused, Visitor
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of, whole_number


async def learn(request: Request, visitor: Visitor) -> Response:
    """Show the person's path: what is due, what is done, what else is available."""
    department, roles = visitor.record.department, visitor.record.roles
    mine = [one for one in visitor.content.courses if one.is_for(department, roles)]
    others = [one for one in visitor.content.courses if one not in mine]
    return views_of(request).page(
        request,
        "learn.html",
        visitor,
        mine=mine,
        others=others,
        passed={row.sk.removeprefix("COURSE#"): row.data for row in visitor.rows_of("COURSE#")},
    )


async def course(request: Request, visitor: Visitor) -> Response:
    """Show a course and its quiz; the correct answers stay on the server."""
    found = visitor.content.course(request.path_params["course"])
    if found is None:
        return failed(request, 404, visitor)
    return course_page(request, visitor, found)


async def answer(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Let the registrar grade a quiz and store the result."""
    portal = portal_of(request)
    found = visitor.content.course(request.path_params["course"])
    if found is None:
        return failed(request, 404, visitor)
    given = [fields.get(f"question-{number}") for number in range(len(found.questions))]
    answers = [whole_number(one) for one in given]
    if None in answers:
        return course_page(request, visitor, found, answers=answers, status=422)
    try:
        result = await run_in_threadpool(
            lambda: portal.registrar.ask(
                "complete", visitor.token, course=found.id, version=found.version, answers=answers,
                language=visitor.language.code,
            )
        )  # fmt: skip
    except DelegateRefused as error:
        return views_of(request).page(request, "not_recorded.html", visitor, status=503, reason=error.reason)
    return course_page(request, visitor, found, answers=answers, result=result)


def course_page(
    request: Request,
    visitor: Visitor,
    found: Course,
    *,
    answers: list[int | None] | None = None,
    result: dict[str, object] | None = None,
    status: int = 200,
) -> Response:
    """Return the page of a course, before and after its quiz."""
    text, language = found.text.best(visitor.language.code)
    return views_of(request).page(
        request,
        "course.html",
        visitor,
        status=status,
        course=found,
        text=text,
        text_language=language,
        answers=answers or [],
        unanswered=[number for number, one in enumerate(answers or []) if one is None],
        result=result,
        needed=PASS_PERCENT,
        done=visitor.row(f"COURSE#{found.id}"),
    )


async def certificate(request: Request, visitor: Visitor) -> Response:
    """Show a printable page: who passed what, when, and until when it is valid."""
    found = visitor.content.course(request.path_params["course"])
    done = visitor.row(f"COURSE#{found.id}") if found is not None else None
    if found is None or done is None:
        return failed(request, 404, visitor)
    return views_of(request).page(request, "certificate.html", visitor, course=found, done=done)


async def guidelines(request: Request, visitor: Visitor) -> Response:
    """Show the documents, and which of them the person has accepted."""
    accepted = {row.sk.removeprefix("ACCEPT#"): row.data for row in visitor.rows_of("ACCEPT#")}
    return views_of(request).page(request, "guidelines.html", visitor, accepted=accepted)


async def guideline(request: Request, visitor: Visitor) -> Response:
    """Show one document, with changes since the version that the person accepted."""
    found = visitor.content.guideline(request.path_params["document"])
    if found is None:
        return failed(request, 404, visitor)
    text, language = found.text.best(visitor.language.code)
    accepted = visitor.row(f"ACCEPT#{found.id}")
    return views_of(request).page(
        request,
        "guideline.html",
        visitor,
        guideline=found,
        text=text,
        text_language=language,
        accepted=accepted,
        due=next((task.due for task in visitor.standing.tasks if task.id == found.id), None),
    )


async def accept(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Accept the version that was shown; the registrar records it."""
    portal = portal_of(request)
    found = visitor.content.guideline(request.path_params["document"])
    if found is None:
        return failed(request, 404, visitor)
    if fields.get("read") != "yes" or fields.get("version") != str(found.version):
        return redirect(request, f"/guidelines/{found.id}#accept")
    try:
        await run_in_threadpool(
            lambda: portal.registrar.ask(
                "accept", visitor.token, document=found.id, version=found.version, sha256=found.sha256,
                language=found.text.best(visitor.language.code)[1],
            )
        )  # fmt: skip
    except DelegateRefused as error:
        return views_of(request).page(request, "not_recorded.html", visitor, status=503, reason=error.reason)
    return redirect(request, "/start" if visitor.pending else "/guidelines")


ROUTES = [
    Route("/learn", signed_in(learn, pending=True)),
    Route("/learn/{course}", signed_in(course, pending=True)),
    Route("/learn/{course}/quiz", form(answer, pending=True), methods=["POST"]),
    Route("/learn/{course}/certificate", signed_in(certificate, pending=True)),
    Route("/guidelines", signed_in(guidelines, pending=True)),
    Route("/guidelines/{document}", signed_in(guideline, pending=True)),
    Route("/guidelines/{document}/accept", form(accept, pending=True), methods=["POST"]),
]
