// A person at a browser: signs in at the address given, as kit login opens it.
// node person.mjs URL, with PERSON, EMULATOR (http://127.0.0.1:port), CHROMIUM and, for pictures of each page,
// PICTURES (the beginning of their names) in the environment.
import puppeteer from "puppeteer-core";

const { PERSON, EMULATOR, CHROMIUM, PICTURES } = process.env;
const browser = await puppeteer.launch({ executablePath: CHROMIUM, headless: true, args: ["--no-sandbox"] });
let taken = 0;
const picture = async (page) => PICTURES && page.screenshot({ path: `${PICTURES}-${(taken += 1)}.png` });
try {
  const page = await browser.newPage();
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (process.env.TRACE) console.error(request.method(), request.url().slice(0, 160));
    // The user pool's public name leads to AWS; here the emulator answers for it.
    if (url.hostname.endsWith(".amazoncognito.com")) {
      const there = EMULATOR + url.pathname + url.search;
      if (request.method() === "POST") request.continue({ url: there });
      else request.respond({ status: 302, headers: { location: there } });
    } else if (url.hostname === "127.0.0.1" || url.hostname === "localhost") {
      request.continue();
    } else {
      request.abort();
    }
  });
  await page.goto(process.argv[2], { waitUntil: "domcontentloaded" });
  for (let step = 0; step < 12 && !page.url().includes("/callback"); step += 1) {
    const login = await page.$("input[name=login]");
    if (login) {
      await login.type(PERSON);
      await page.type("input[name=password]", "any");
    }
    await picture(page);
    const button = await page.$("button[type=submit], input[type=submit]");
    // a form that sends itself has no button, and may be gone by now
    const next = page.waitForNavigation({ waitUntil: "domcontentloaded", timeout: 20000 });
    await Promise.all([next.catch(() => null), button?.click()]);
  }
  if (!page.url().includes("/callback")) throw new Error(`ended at ${page.url().split("?")[0]}`);
  await picture(page);
} finally {
  await browser.close();
}
