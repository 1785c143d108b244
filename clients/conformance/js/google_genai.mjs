// Google's JavaScript SDK, unmodified, through every case. Run it in a directory where the package is installed:
//
//   npm install @google/genai
//   LONGREACH_URL=http://127.0.0.1:8080 node .../google_genai.mjs [CASE ...]

import { statSync } from 'node:fs';
import * as report from './report.mjs';
import { FACT, MODEL, QUESTION, base64, check, media } from './report.mjs';

const { GoogleGenAI } = await report.load('@google/genai');
const connect = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: report.URL_ } });
const ai = connect(report.KEY);

const ask = (contents, more = {}) =>
  ai.models.generateContent({ model: MODEL, contents, config: { temperature: 0, maxOutputTokens: 8, ...more } });

function checkAnswer(answer) {
  const usage = answer.usageMetadata;
  check(answer.text, answer);
  check(['STOP', 'MAX_TOKENS'].includes(answer.candidates[0].finishReason), answer);
  check(usage.totalTokenCount === usage.promptTokenCount + usage.candidatesTokenCount, usage);
}

async function uploaded(name, mimeType) {
  let file = await ai.files.upload({ file: media(name), config: { mimeType, displayName: name } });
  while (file.state === 'PROCESSING') {
    await new Promise((done) => setTimeout(done, 200));
    file = await ai.files.get({ name: file.name });
  }
  check(file.state === 'ACTIVE', file);
  return file;
}

/** What was read of the media must have reached the model: the answer or the grounding repeats it. */
async function about(name, mimeType, question, expected, modality) {
  const parts = [{ inlineData: { mimeType, data: base64(name) } }, { text: question }];
  const contents = [{ role: 'user', parts }];
  const answer = await ask(contents, { maxOutputTokens: 16 });
  checkAnswer(answer);
  check(JSON.stringify(answer).includes(expected), answer);
  const details = answer.usageMetadata.promptTokensDetails;
  check(details.some((each) => each.modality === modality && each.tokenCount > 0), details);
  const counted = await ai.models.countTokens({ model: MODEL, contents });
  check(counted.totalTokens === answer.usageMetadata.promptTokenCount, [counted, answer.usageMetadata]);
}

const weather = {
  name: 'get_weather',
  description: 'Tells the weather in a city.',
  parameters: { type: 'OBJECT', properties: { city: { type: 'STRING', maxLength: '30' } }, required: ['city'] },
};

await report.run('@google/genai', {
  generate: async () => checkAnswer(await ask(FACT + QUESTION)),

  stream: async () => {
    const whole = await ask(FACT + QUESTION);
    const config = { temperature: 0, maxOutputTokens: 8 };
    let text = '';
    let last;
    let pieces = 0;
    for await (last of await ai.models.generateContentStream({ model: MODEL, contents: FACT + QUESTION, config })) {
      text += last.text ?? '';
      pieces++;
    }
    check(pieces > 1 && text === whole.text, text);
    check(last.usageMetadata.totalTokenCount === whole.usageMetadata.totalTokenCount, last);
  },

  chat: async () => {
    const talk = ai.chats.create({ model: MODEL, config: { temperature: 0, maxOutputTokens: 8 } });
    const first = await talk.sendMessage({ message: 'My name is Ada.' });
    const second = await talk.sendMessage({ message: 'What is my name?' });
    checkAnswer(second);
    check(second.usageMetadata.promptTokenCount > first.usageMetadata.promptTokenCount, second);
    check(talk.getHistory().length === 4, talk.getHistory());
  },

  system_instruction: async () => {
    const told = await ask(QUESTION, { systemInstruction: 'Answer with one word. ' + FACT });
    check(told.text !== (await ask(QUESTION)).text, told);
  },

  image: () => about('sign.png', 'image/png', 'Where does the train go?', 'Velmora', 'IMAGE'),
  audio: () => about('speech.mp3', 'audio/mpeg', 'Who is spoken to?', 'Americans', 'AUDIO'),
  pdf: () => about('notice.pdf', 'application/pdf', 'Who is the harbour master?', 'Solberg', 'DOCUMENT'),

  video: async () => {
    const file = await uploaded('clip.mp4', 'video/mp4');
    const part = { fileData: { fileUri: file.uri, mimeType: file.mimeType } };
    const answer = await ask([{ role: 'user', parts: [part, { text: 'Who is the speaker?' }] }], { maxOutputTokens: 16 });
    checkAnswer(answer);
    check(JSON.stringify(answer).includes('Kennedy'), answer);
    await ai.files.delete({ name: file.name });
  },

  files: async () => {
    const file = await uploaded('notice.pdf', 'application/pdf');
    check(Number(file.sizeBytes) === statSync(media('notice.pdf')).size, file);
    const names = [];
    for await (const each of await ai.files.list({ config: { pageSize: 1 } })) {
      names.push(each.name);
    }
    check(names.includes(file.name), names);
    await ai.files.delete({ name: file.name });
    await report.refused(() => ai.files.get({ name: file.name }), 404);
  },

  count_tokens: async () => {
    const counted = await ai.models.countTokens({ model: MODEL, contents: FACT + QUESTION });
    const answer = await ask(FACT + QUESTION);
    check(counted.totalTokens === answer.usageMetadata.promptTokenCount, [counted, answer]);
  },

  cached_content: async () => {
    const config = { contents: [FACT.repeat(12)], displayName: 'light', ttl: '300s' };
    const cache = await ai.caches.create({ model: MODEL, config });
    check(cache.usageMetadata.totalTokenCount > 100 && cache.expireTime, cache);
    const answer = await ask(QUESTION, { cachedContent: cache.name });
    check(answer.usageMetadata.cachedContentTokenCount > 100, answer.usageMetadata);
    check((await ai.caches.get({ name: cache.name })).displayName === 'light', cache);
    const names = [];
    for await (const each of await ai.caches.list()) {
      names.push(each.name);
    }
    check(names.includes(cache.name), names);
    const longer = await ai.caches.update({ name: cache.name, config: { ttl: '7200s' } });
    check(longer.expireTime > cache.expireTime, longer);
    await ai.caches.delete({ name: cache.name });
    await report.refused(() => ai.caches.get({ name: cache.name }), 404);
  },

  function_calling: async () => {
    const tools = [{ functionDeclarations: [weather] }];
    const mode = (mode) => ({ toolConfig: { functionCallingConfig: { mode } } });
    const contents = [{ role: 'user', parts: [{ text: 'What is the weather in Oslo?' }] }];
    const asked = await ask(contents, { tools, ...mode('ANY'), maxOutputTokens: 80 });
    const call = asked.functionCalls[0];
    check(call.name === 'get_weather' && typeof call.args.city === 'string', asked);
    const result = { functionResponse: { name: call.name, response: { sky: 'clear', degrees: 12 } } };
    contents.push(asked.candidates[0].content, { role: 'user', parts: [result] });
    checkAnswer(await ask(contents, { tools, ...mode('NONE') }));
  },

  json_schema: async () => {
    const responseSchema = {
      type: 'OBJECT',
      properties: { name: { type: 'STRING', maxLength: '20' }, year: { type: 'INTEGER' } },
      required: ['name', 'year'],
    };
    const answer = await ask('The Aurora was built in 1904. Describe the ship as JSON.', {
      responseMimeType: 'application/json', responseSchema, maxOutputTokens: 80,
    });
    const ship = JSON.parse(answer.text);
    check(Object.keys(ship).sort().join() === 'name,year' && Number.isInteger(ship.year), answer);
  },

  embeddings: async () => {
    const made = await ai.models.embedContent({ model: report.EMBEDDER, contents: report.SENTENCES });
    report.checkEmbeddings(made.embeddings.map((each) => each.values));
  },

  interactions: async () => {
    if (!ai.interactions) {
      throw new report.NotApplicable('the client has no interactions');
    }
    const generation_config = { temperature: 0, max_output_tokens: 8 };
    const first = await ai.interactions.create({ model: MODEL, input: 'My name is Ada.', generation_config });
    check(['completed', 'incomplete'].includes(first.status), first);
    const second = await ai.interactions.create({
      model: MODEL, input: 'What is my name?', previous_interaction_id: first.id, generation_config,
    });
    check(second.usage.total_input_tokens > first.usage.total_input_tokens, second);
    check((await ai.interactions.get(second.id)).id === second.id, second);
    await ai.interactions.delete(second.id);
    await report.refused(() => ai.interactions.get(second.id), 404);
  },

  error_bad_key: async () => {
    const e = await report.refused(() => connect('wrong').models.generateContent({ model: MODEL, contents: 'Hi' }), 400);
    check(e.message.includes('API_KEY_INVALID'), e.message);
  },

  error_bad_model: async () => {
    const e = await report.refused(() => ai.models.generateContent({ model: 'no-such-model', contents: 'Hi' }), 404);
    check(e.message.includes('no-such-model'), e.message);
  },

  error_quota: async () => {
    const limited = connect(report.LIMITED_KEY);
    const e = await report.refused(async () => {
      for (let i = 0; i < 2; i++) {
        await limited.models.generateContent({ model: MODEL, contents: 'Hi', config: { maxOutputTokens: 1 } });
      }
    }, 429);
    check(e.message.includes('RESOURCE_EXHAUSTED'), e.message);
  },

  error_too_long: async () => {
    const e = await report.refused(() => ask(report.TOO_LONG), 400);
    check(e.message.includes('INVALID_ARGUMENT'), e.message);
  },
});
