// Asks a document with Google's own JavaScript SDK; only the base URL is new.
//
//     npm install
//     node example.mjs report.pdf "Who is the harbour master?"

import { GoogleGenAI } from "@google/genai";

const [path, question] = process.argv.slice(2);
const ai = new GoogleGenAI({
  apiKey: process.env.GEMINI_API_KEY ?? "any",
  httpOptions: { baseUrl: process.env.LONGREACH_URL ?? "http://127.0.0.1:8080" },
});
const model = process.env.LONGREACH_MODEL ?? (await ai.models.list()).page[0].name;

let file = await ai.files.upload({ file: path });
while (file.state === "PROCESSING") {
  await new Promise((done) => setTimeout(done, 500));
  file = await ai.files.get({ name: file.name });
}
if (file.state !== "ACTIVE") {
  console.error(`${path}: ${file.error.message}`);
  process.exit(1);
}

const contents = [
  { role: "user", parts: [{ fileData: { fileUri: file.uri, mimeType: file.mimeType } }, { text: question }] },
];
console.log("tokens:", (await ai.models.countTokens({ model, contents })).totalTokens);

const answer = await ai.models.generateContent({ model, contents });
console.log("answer:", answer.text);
for (const chunk of answer.candidates[0].groundingMetadata.groundingChunks) {
  console.log("source:", chunk.retrievedContext.title);
}

process.stdout.write("again, streamed: ");
let usage;
for await (const piece of await ai.models.generateContentStream({ model, contents })) {
  process.stdout.write(piece.text ?? "");
  usage = piece.usageMetadata;
}
console.log(`\nprompt ${usage.promptTokenCount} tokens, ${usage.cachedContentTokenCount ?? 0} from the cache`);
