// What a program written with one of the JavaScript clients does:
//   node node_clients.mjs CLIENTS_FOLDER CLIENT FEATURE URL KEY
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, client, feature, url, key] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));

const model = "claude-haiku-5-5";
const question = feature === "refusal" ? "Social security number 536-22-8723 of our customer" : "What is the weather in Graz?";
const secret = "Social security number 536-22-8723 of our customer";
const schema = { type: "object", properties: { town: { type: "string" } }, required: ["town"], additionalProperties: false };
const weather = ({ town }) => `It rains in ${town}.`;

async function anthropic() {
  const { default: Anthropic } = await load("@anthropic-ai/sdk");
  const sdk = new Anthropic({ baseURL: url, authToken: key, apiKey: null });
  const messages = [{ role: "user", content: question }];
  const ask = { model, max_tokens: 200, messages };
  if (feature === "stream") return (await sdk.messages.stream(ask).finalMessage()).content[0].text;
  if (feature === "tools") {
    const tools = [{ name: "weather", description: "Of a town.", input_schema: schema }];
    const answer = await sdk.messages.create({ ...ask, tools });
    const call = answer.content.find((block) => block.type === "tool_use");
    messages.push({ role: "assistant", content: answer.content });
    messages.push({ role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: weather(call.input) }] });
    return (await sdk.messages.create({ ...ask, tools })).content[0].text;
  }
  if (feature.startsWith("file")) {
    const { toFile } = await load("@anthropic-ai/sdk");
    const content = feature === "files" ? "We open at nine." : secret;
    const file = await sdk.beta.files.upload({ file: await toFile(Buffer.from(content), "plan.txt", { type: "text/plain" }) });
    const blocks = [{ type: "document", source: { type: "file", file_id: file.id } }, { type: "text", text: question }];
    const answer = await sdk.beta.messages.create({ ...ask, messages: [{ role: "user", content: blocks }], betas: ["files-api-2025-04-14"] });
    const names = [];
    for await (const one of sdk.beta.files.list()) names.push(one.filename);
    return `${names[0]} ${answer.content[0].text} ${(await sdk.beta.files.delete(file.id)).type}`;
  }
  if (feature === "models") return (await sdk.models.list()).data.map((one) => one.id).join(",");
  return (await sdk.messages.create(ask)).content[0].text;
}

async function vercel() {
  const { createAnthropic } = await load("@ai-sdk/anthropic");
  const ai = await load("ai");
  const { z } = await load("zod");
  const provider = createAnthropic({ baseURL: feature === "base-url" ? url : `${url}/v1`, authToken: key });
  const ask = { model: provider(model), prompt: question };
  if (feature === "stream") {
    let text = "";
    for await (const part of ai.streamText(ask).textStream) text += part;
    return text;
  }
  if (feature === "tools") {
    const tools = { weather: ai.tool({ description: "Of a town.", inputSchema: z.object({ town: z.string() }), execute: async (given) => weather(given) }) };
    return (await ai.generateText({ ...ask, tools, stopWhen: ai.stepCountIs(3) })).text;
  }
  return (await ai.generateText(ask)).text;
}

async function openai() {
  const { default: OpenAI } = await load("openai");
  const sdk = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
  const ask = { model: "fast", messages: [{ role: "user", content: question }] };
  if (feature === "stream") {
    let text = "";
    for await (const chunk of await sdk.chat.completions.create({ ...ask, stream: true })) text += chunk.choices[0]?.delta?.content ?? "";
    return text;
  }
  if (feature === "embeddings") {
    const { data } = await sdk.embeddings.create({ model: "voyage-4", input: ["one", "two"] });
    return `${data.length} ${data[1].embedding[0]}`;
  }
  return (await sdk.chat.completions.create(ask)).choices[0].message.content;
}

try {
  console.log(JSON.stringify({ text: await { anthropic, vercel, openai }[client]() }));
} catch (error) {
  console.log(JSON.stringify({ error: `${error.constructor.name}: ${error.message}` }));
}
