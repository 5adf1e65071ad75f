"""What a program written with one of the Python clients does; run by that client's own interpreter.

    python python_clients.py CLIENT FEATURE URL KEY

prints what came of it in one line of JSON: `{"text": …}` or `{"error": …}`.
"""

import asyncio
import json
import sys
import tempfile
from typing import Any

MODEL = "claude-haiku-5-5"
QUESTION = "What is the weather in Graz?"
SECRET = "Social security number 536-22-8723 of our customer"


def weather(town: str) -> str:
    """The weather of a town."""
    return f"It rains in {town}."


TOOL: dict[str, Any] = {
    "name": "weather",
    "description": "The weather of a town.",
    "input_schema": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
}


def anthropic_sdk(feature: str, url: str, key: str) -> str:
    import anthropic

    client = anthropic.Anthropic(base_url=url, auth_token=key)
    say: Any = [{"role": "user", "content": SECRET if feature == "refusal" else QUESTION}]
    ask: dict[str, Any] = {"model": MODEL, "max_tokens": 200, "messages": say}
    match feature:
        case "stream":
            with client.messages.stream(**ask) as stream:
                return "".join(stream.text_stream)
        case "tools":
            answer = client.messages.create(**ask, tools=[TOOL])
            (call,) = [block for block in answer.content if block.type == "tool_use"]
            result = {"type": "tool_result", "tool_use_id": call.id, "content": weather(**call.input)}
            say += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
            return client.messages.create(**ask, tools=[TOOL]).content[0].text
        case "structured":
            schema = {
                "type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"],
                "additionalProperties": False,
            }  # fmt: skip
            output = {"format": {"type": "json_schema", "schema": schema}}
            return json.loads(client.messages.create(**ask, output_config=output).content[0].text)["town"]
        case "files" | "file refusal":
            content = SECRET if feature == "file refusal" else "We open at nine."
            file = client.beta.files.upload(file=("plan.txt", content.encode(), "text/plain"))
            source = {"type": "file", "file_id": file.id}
            say[0]["content"] = [{"type": "document", "source": source}, {"type": "text", "text": QUESTION}]
            answer = client.beta.messages.create(**ask, betas=["files-api-2025-04-14"])
            listed = [one.filename for one in client.beta.files.list()]
            return f"{listed[0]} {answer.content[0].text} {client.beta.files.delete(file.id).type}"
        case "models":
            return ",".join(model.id for model in client.models.list())
        case "count":
            return str(client.messages.count_tokens(model=MODEL, messages=say).input_tokens)
        case _:
            return client.messages.create(**ask).content[0].text


def langchain(feature: str, url: str, key: str) -> str:
    from langchain_anthropic import ChatAnthropic
    from pydantic import BaseModel

    class Place(BaseModel):
        """A place."""

        town: str

    model = ChatAnthropic(model=MODEL, base_url=url, api_key=key, max_tokens=200)
    match feature:
        case "stream":
            return "".join(str(chunk.text) for chunk in model.stream(QUESTION))
        case "tools":
            answer = model.bind_tools([weather]).invoke(QUESTION)
            return weather(**answer.tool_calls[0]["args"])
        case "structured":
            return model.with_structured_output(Place, method="json_schema").invoke(QUESTION).town
        case _:
            return str(model.invoke(SECRET if feature == "refusal" else QUESTION).text)


def llama_index(feature: str, url: str, key: str) -> str:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.anthropic import Anthropic

    model = Anthropic(model="claude-haiku-4-5", base_url=url, api_key=key, max_tokens=200)
    messages = [ChatMessage(role="user", content=SECRET if feature == "refusal" else QUESTION)]
    if feature == "stream":
        return "".join(chunk.delta or "" for chunk in model.stream_chat(messages))
    return str(model.chat(messages).message.content)


def pydantic_ai(feature: str, url: str, key: str) -> str:
    from pydantic import BaseModel
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    class Place(BaseModel):
        """A place."""

        town: str

    model = AnthropicModel(MODEL, provider=AnthropicProvider(api_key=key, base_url=url))
    match feature:
        case "tools":
            return str(Agent(model, tools=[weather]).run_sync(QUESTION).output)
        case "structured":
            return Agent(model, output_type=NativeOutput(Place)).run_sync(QUESTION).output.town
        case "stream":
            return asyncio.run(_pydantic_stream(Agent(model)))
        case _:
            return str(Agent(model).run_sync(SECRET if feature == "refusal" else QUESTION).output)


async def _pydantic_stream(agent: Any) -> str:
    async with agent.run_stream(QUESTION) as run:
        return await run.get_output()


def instructor(feature: str, url: str, key: str) -> str:
    import anthropic
    import instructor as library
    from pydantic import BaseModel

    class Place(BaseModel):
        town: str

    client = library.from_anthropic(anthropic.Anthropic(base_url=url, auth_token=key))
    content = SECRET if feature == "refusal" else QUESTION
    ask: Any = {"model": MODEL, "max_tokens": 200, "messages": [{"role": "user", "content": content}]}
    return client.messages.create(**ask, response_model=Place, max_retries=0).town


def openai_sdk(feature: str, url: str, key: str) -> str:
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key)
    say: Any = [{"role": "user", "content": SECRET if feature == "refusal" else QUESTION}]
    ask: dict[str, Any] = {"model": "fast", "messages": say}
    function = {"name": "weather", "description": "Of a town.", "parameters": TOOL["input_schema"]}
    tools: Any = [{"type": "function", "function": function}]
    match feature:
        case "stream":
            chunks = client.chat.completions.create(**ask, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        case "tools":
            message = client.chat.completions.create(**ask, tools=tools).choices[0].message
            call = message.tool_calls[0]
            result = weather(**json.loads(call.function.arguments))
            say += [message, {"role": "tool", "tool_call_id": call.id, "content": result}]
            return client.chat.completions.create(**ask, tools=tools).choices[0].message.content
        case "structured":
            from pydantic import BaseModel

            class Place(BaseModel):
                town: str

            return client.chat.completions.parse(**ask, response_format=Place).choices[0].message.parsed.town
        case "embeddings":
            data = client.embeddings.create(model="voyage-4", input=["one", "two"]).data
            return f"{len(data)} {data[1].embedding[0]}"
        case "models":
            return ",".join(model.id for model in client.models.list())
        case _:
            return client.chat.completions.create(**ask).choices[0].message.content


def agent_sdk(feature: str, url: str, key: str) -> str:
    return asyncio.run(_agent(feature, url, key))


async def _agent(feature: str, url: str, key: str) -> str:
    import claude_agent_sdk as sdk

    @sdk.tool(TOOL["name"], TOOL["description"], {"town": str})
    async def own_weather(given: dict[str, Any]) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": weather(given["town"])}]}

    with tempfile.TemporaryDirectory() as home:
        options = sdk.ClaudeAgentOptions(
            model=MODEL,
            cwd=home,
            env={
                "HOME": home, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": key,
                "ANTHROPIC_DEFAULT_HAIKU_MODEL": MODEL, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            },
            max_turns=4,
            include_partial_messages=feature == "stream",
            tools=[],
            mcp_servers={"own": sdk.create_sdk_mcp_server("own", tools=[own_weather])}
            if feature == "tools"
            else {},
            allowed_tools=["mcp__own__weather"],
        )  # fmt: skip
        said, pieces = "", ""
        async for one in sdk.query(prompt=SECRET if feature == "refusal" else QUESTION, options=options):
            if isinstance(one, sdk.StreamEvent):
                pieces += one.event.get("delta", {}).get("text", "")
            elif isinstance(one, sdk.ResultMessage):
                said = str(one.result)
                if one.is_error:
                    raise RuntimeError(said)
        return pieces if feature == "stream" else said


CLIENTS = {
    "agent-sdk": agent_sdk,
    "anthropic": anthropic_sdk,
    "langchain": langchain,
    "llama-index": llama_index,
    "pydantic-ai": pydantic_ai,
    "instructor": instructor,
    "openai": openai_sdk,
}

if __name__ == "__main__":
    client, feature, url, key = sys.argv[1:]
    try:
        print(json.dumps({"text": CLIENTS[client](feature, url, key)}))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
