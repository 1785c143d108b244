// Chat and embeddings with OpenAI's own JavaScript SDK; only the base URL is new.
//
//   npm install openai
//   node openai_example.mjs

import OpenAI from 'openai';

const client = new OpenAI({
  apiKey: process.env.OPENAI_API_KEY ?? 'any',
  baseURL: `${process.env.LONGREACH_URL ?? 'http://127.0.0.1:8080'}/openai/v1`,
});
const models = [];
for await (const each of client.models.list()) {
  models.push(each.id);
}
const model = process.env.LONGREACH_MODEL ?? models[0];
const messages = [{ role: 'user', content: 'What is a lighthouse for?' }];

const answer = await client.chat.completions.create({ model, messages, max_tokens: 24, temperature: 0 });
console.log(`answer (${answer.choices[0].finish_reason}):`, answer.choices[0].message.content);

let text = '';
let usage;
const stream = await client.chat.completions.create({
  model, messages, max_tokens: 24, temperature: 0, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? '';
  usage = chunk.usage ?? usage;
}
console.log('streamed the same:', text === answer.choices[0].message.content);
console.log(`cached: ${usage.prompt_tokens_details.cached_tokens} of ${usage.prompt_tokens} tokens`);

const vectors = await client.embeddings.create({ model: 'all-minilm-l6-v2', input: ['one', 'two'] });
console.log('embeddings:', vectors.data.map((each) => each.embedding.length).join(', '));

try {
  await client.chat.completions.create({ model: 'no-such-model', messages });
} catch (e) {
  console.log('an unknown model:', e.status, e.code);
}
