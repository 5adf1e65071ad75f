// People in a real Chromium: node journeys.mjs PORTAL_URL CHROMIUM SCREENSHOTS_FOLDER [STEP,…]
// Prints one line of JSON for each thing that was seen. Needs SCIM_BASE_URL and SCIM_TOKEN for the leaver.
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [base, executablePath, pictures, wanted = ""] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const PAGES = [
  "", "library", "library/campaign-copy", "ask", "learn", "learn/data-classes", "guidelines",
  "guidelines/acceptable-use", "guidelines/privacy-notice", "guidelines/transparency-guide", "ask/history", "support", "champions", "me", "news", "start", "may-i", "work", "work/new/content",
  "ideas",
];
const CENTER = ["center/tickets", "center/learning", "center/people", "center/departments", "center/executive", "center/cases", "center/timeline", "ideas"];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
const browser = await chromium.launch({ executablePath, args: FLAGS });
const seen = (what, holds, detail = "") => console.log(JSON.stringify({ what, holds: Boolean(holds), detail }));
const consoleErrors = [];
if (pictures) mkdirSync(pictures, { recursive: true });

async function signIn(login, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.on("console", (line) => {
    if (line.type() === "error" && /content security policy|trusted type/i.test(line.text())) consoleErrors.push(line.text());
  });
  page.on("pageerror", (error) => consoleErrors.push(error.message));
  await page.goto(base);
  await page.click(`button[value=${login}]`);
  await page.waitForURL(/\/portal\/(callback.*)?$/, { waitUntil: "commit" });
  if (page.url().includes("callback")) {
    if (options.javaScriptEnabled === false) await page.click("a.button");
    else await page.waitForURL((url) => !url.href.includes("callback"));
  }
  return page;
}

async function learn() {
  const page = await signIn("ada");
  await page.goto(base + "guidelines/acceptable-use");
  if (await page.isVisible("input[name=read]")) {
    await page.check("input[name=read]");
    await page.click("#accept button");
  }
  await page.goto(base + "guidelines");
  seen("a guideline is accepted", (await page.textContent("main")).includes("you accepted version"));
  await page.goto(base + "learn/data-classes");
  for (const [question, answer] of [[0, 0], [1, 1], [2, 1]]) {
    await page.check(`input[name=question-${question}][value="${answer}"]`);
  }
  await page.click("button.main");
  seen("a course is passed", (await page.textContent(".notice.good")).includes("100 %"));
}

async function use() {
  const page = await signIn("ada");
  await page.goto(base + "library?q=campain");
  seen("a typing error is forgiven", (await page.textContent("p[role=status]")).includes("campaign"));
  await page.goto(base + "library/campaign-copy");
  for (const [name, text] of [["product", "Winter boots"], ["audience", "hikers"], ["brief", "From 79 USD."]]) {
    await page.fill(`[name=${name}]`, text);
  }
  const clicked = Date.now();
  await page.click("form.run button.main");
  await page.locator("[data-text]").filter({ hasText: /\S/ }).waitFor();
  const first = Date.now() - clicked;
  await page.waitForSelector("[data-next]:not([hidden])");
  seen("an answer streams into the page", true, `first words after ${first} ms`);
  await page.click("[data-conversation]");
  await page.check("input[value=edited]");
  await page.fill("#minutes", "20");
  await page.click("form[action$=feedback] button");
  seen("what it was worth is kept", (await page.textContent("main")).includes("Thank you"));
}

async function blocked() {
  const page = await signIn("ada");
  await page.goto(base + "ask");
  await page.fill("#text", "Please check the SSN 536-22-8714 of the customer.");
  await page.click("button.main");
  await page.waitForSelector("[data-trouble]:not([hidden])");
  seen("a block says what and where", (await page.textContent("[data-status]")).includes("social security number"));
  seen("what was typed is still there", (await page.inputValue("#text")).includes("536-22-8714"));
  await page.click("[data-trouble] a");
  await page.fill("#question", "It is a published test number.");
  await page.click("#ask form button");
  seen("a block can be disputed", page.url().includes("/support/tickets/"));
}

// An unrated conversation is found again by the next sign-in, goes on, and is deleted.
async function history() {
  const question = "Which notice period does a lease usually have?";
  let page = await signIn("grace");
  await page.goto(base + "ask");
  await page.fill("#text", question);
  await page.click("button.main");
  await page.waitForSelector("[data-next]:not([hidden])");
  await page.goto(base);
  seen("home opens with a run that was not rated", (await page.textContent("main")).includes("not rated yet"));
  await page.click("footer button");
  page = await signIn("grace");
  await page.goto(base + "ask/history");
  await page.click(`text=${question}`);
  seen("a conversation is there after another sign-in", (await page.textContent("main")).includes("stand-in"));
  await page.goto(base + "ask/history");
  await page.check("input[name=all]");
  await page.click("button:text-is('Delete all')");
  seen("conversations are deleted by their person", !(await page.textContent("main")).includes(question));
}

// An answer whose connection breaks is not shown as one that goes on.
async function cut() {
  const page = await signIn("ada");
  await page.goto(base + "ask");
  const half = 'data: {"type":"text","text":"Half an"}\n\n';
  await page.route(/\/ask$/, (route) => route.fulfill({ contentType: "text/event-stream", body: half }));
  await page.fill("#text", "Say hello in one sentence.");
  await page.click("form[data-stream] button.main");
  await page.waitForFunction(() => document.querySelector("[data-answer]").ariaBusy === "false");
  seen("a cut answer is named as one", (await page.textContent("[data-status]")).includes("not the whole answer"));
  await page.route(/\/ask$/, (route) => route.abort());
  await page.click("form[data-stream] button.main");
  await page.waitForFunction(() => document.querySelector("[data-text]").textContent === "" && document.querySelector("[data-answer]").ariaBusy === "false");
  seen("so is one that never came", (await page.textContent("[data-status]")).includes("connection was cut"));
}

async function mayI() {
  const page = await signIn("ada");
  await page.goto(base + "may-i");
  await page.check("input[value=people]");
  await page.click("form[method=get] fieldset + button");
  seen("a forbidden use is named as one", (await page.textContent("[role=status]")).startsWith("No"));
  await page.fill("#text", "The SSN is 536-22-8714.");
  await page.click("#text-check form button");
  seen("a text is tried without being sent", (await page.textContent("#text-check [role=status]")).includes("would not be sent"));
}

async function review() {
  const asker = await signIn("ada");
  await asker.goto(base + "work/new/content");
  for (const [name, text] of [["product", "Winter boots"], ["audience", "hikers"], ["brief", "From 79 USD."]]) {
    await asker.fill(`[name=${name}]`, text);
  }
  await asker.click("button.main");
  const request = asker.url().split("/").pop();
  const mira = await signIn("mira");
  for (let tries = 0; tries < 40 && !(await mira.isVisible(`a[href$="${request}"]`)); tries++) {
    await mira.waitForTimeout(1000);
    await mira.goto(base + "reviews");
  }
  await accessible(mira, ["reviews", `reviews/${request}`], "reviewer");
  await mira.setViewportSize({ width: 1440, height: 900 });
  await mira.goto(base + `reviews/${request}`);
  seen("sources stand beside the draft", await mira.isVisible("#sources") && await mira.isVisible("#draft"));
  const focused = (id) => mira.evaluate((wanted) => document.activeElement?.id === wanted, id);
  for (let steps = 0; steps < 60 && !(await focused("reason")); steps++) await mira.keyboard.press("Tab");
  await mira.keyboard.type("Checked against the brief.");
  await mira.keyboard.press("Tab");
  await mira.keyboard.press("Enter");
  await mira.waitForURL(/reviews\?done=/);
  seen("a reviewer approves, by keyboard alone", (await mira.textContent("[role=status]")).includes("Others must approve"));
  await mira.goto(base + `reviews/${request}`);
  seen("one of two is not enough", (await mira.textContent("main")).includes("somebody else must as well"));
  const omar = await signIn("omar");
  await omar.goto(base + `reviews/${request}`);
  seen("the second reads how many have approved", (await omar.textContent("main")).includes("1 have so far"));
  await omar.fill("#reason", "Read it as well.");
  await omar.click("button[value=approve]");
  await omar.waitForURL(/reviews\?done=/);
  seen("the second approval is the decision", (await omar.textContent("[role=status]")).includes("on record"));
  for (let tries = 0; tries < 40; tries++) {
    await asker.goto(base + `work/${request}`);
    if (await asker.isVisible("#released")) break;
    await asker.waitForTimeout(1000);
  }
  seen("the released text is collected", await asker.isVisible("#released"));
}

async function withoutScript() {
  const page = await signIn("grace", { javaScriptEnabled: false });
  await page.goto(base + "ask");
  await page.fill("#text", "Say hello in one sentence.");
  await page.click("button.main");
  await page.waitForLoadState("load");
  const text = await page.textContent("main");
  seen("an answer comes without a script", text.includes("stand-in") && text.includes("Go on, copy"));
}

async function accessible(page, paths, name) {
  let faults = 0, pages = 0;
  for (const colorScheme of ["light", "dark"]) for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    const session = await page.context().newCDPSession(page);
    for (const path of paths) {
      await session.send("Page.setBypassCSP", { enabled: true });  // for axe alone; the journeys ran under the policy
      await page.goto(base + path);
      await page.evaluate(axe);
      const found = await page.evaluate((values) => window.axe.run(document, { runOnly: values }), TAGS);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await session.send("Page.setBypassCSP", { enabled: false });
      pages += 1;
      if (wide > 0) seen(`${path || "home"} fits ${width} px`, false, `${wide} px too wide`);
      for (const one of found.violations) {
        faults += 1;
        seen(`${path || "home"}: ${one.id}`, false, one.nodes[0].html.slice(0, 160));
      }
      if (pictures) await page.screenshot({ path: `${pictures}/${(path || "home").replace(/wf_\w+/, "draft").replaceAll("/", "-")}-${colorScheme}-${width}.png`, fullPage: true });
    }
  }
  seen(`axe finds nothing on ${pages} views (${name})`, faults === 0, `${faults} faults`);
}

async function scim(method, path, body) {
  const headers = { authorization: `Bearer ${process.env.SCIM_TOKEN}`, "content-type": "application/scim+json" };
  const answer = await fetch(process.env.SCIM_BASE_URL + path, { method, headers, body: body && JSON.stringify(body) });
  return answer.json();
}

// Somebody whom the directory takes out is out at the next click, and in again when it brings them back.
async function leaver() {
  const page = await signIn("noor");
  await page.goto(base + "library");
  const name = (await scim("GET", "/Users")).Resources.find((one) => one.displayName === "Noor");
  const active = (value) => scim("PATCH", `/Users/${name.id}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: [{ op: "replace", path: "active", value }],
  });
  await active(false);
  await page.click("nav a[href$='/learn']");
  seen("a leaver is out at the next click", page.url().includes("/auth?"), page.url().replace(/\?.*/, ""));
  await active(true);
}

async function champion() {
  const page = await signIn("grace");
  await page.goto(base + "champions");
  await accessible(page, ["champions"], "champions");
}

async function signOut() {
  const page = await signIn("ada");
  await page.click("footer button");
  await page.goto(base + "me");
  seen("sign-out ends the session", page.url().includes("/auth?"));
}

const STEPS = {
  learn, use, cut, blocked, mayI, history, review, withoutScript,
  pages: async () => accessible(await signIn("ada"), PAGES.slice(0, 11), "everybody, first half"),
  morePages: async () => accessible(await signIn("ada"), PAGES.slice(11), "everybody, second half"),
  center: async () => accessible(await signIn("kim"), CENTER, "Center"),
  champion, leaver, signOut,
};
for (const name of wanted ? wanted.split(",") : Object.keys(STEPS)) await STEPS[name]();
seen("no policy was violated", consoleErrors.length === 0, consoleErrors.join("; ").slice(0, 300));
await browser.close();
