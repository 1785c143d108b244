import { $, el } from './dom.js';
import { fileOf } from './shelf.js';
import * as viewer from './viewer.js';

const ENDS = {
  MAX_TOKENS: 'cut: most tokens reached',
  SAFETY: 'stopped by a rule',
  MALFORMED_FUNCTION_CALL: 'a call that is none',
};

/** The conversation: what was said, and what each answer rests on and cost. */

export const contents = [];

export function clear() {
  contents.length = 0;
  $('talk').replaceChildren();
}

function append(node) {
  const talk = $('talk');
  const following = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
  talk.append(node);
  if (following) talk.scrollTop = talk.scrollHeight;
}

export function question(text, files) {
  append(
    el(
      'article',
      { className: 'turn user' },
      el('div', { className: 'who' }, ['You', ...files.map((f) => f.displayName)].join(' · ')),
      el('div', { className: 'text' }, text),
    ),
  );
}

/** An answer that is being written. */
export class Answer {
  constructor() {
    this.text = el('div', { className: 'text' });
    this.thoughts = el('div', { className: 'text' });
    this.folded = el('details', { className: 'thoughts', hidden: true }, el('summary', {}, 'Thoughts'), this.thoughts);
    this.sources = el('div', { className: 'sources' });
    this.badges = el('div', { className: 'badges' });
    this.node = el('article', { className: 'turn model' }, this.folded, this.text, this.sources, this.badges);
    this.began = performance.now();
    append(this.node);
  }

  take(response) {
    const talk = $('talk');
    const following = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
    const candidate = response.candidates?.[0];
    for (const part of candidate?.content?.parts ?? []) {
      if (part.thought) {
        this.folded.hidden = false;
        this.thoughts.append(part.text ?? '');
      } else if (part.functionCall) {
        this.text.append(`${part.functionCall.name}(${JSON.stringify(part.functionCall.args ?? {})})`);
      } else {
        this.text.append(part.text ?? '');
      }
    }
    this.firstMs ??= performance.now() - this.began;
    this.usage = response.usageMetadata ?? this.usage;
    this.receipt = response.longreachReceipt ?? this.receipt;
    this.reason = candidate?.finishReason ?? this.reason;
    if (candidate?.groundingMetadata) this.cite(candidate.groundingMetadata);
    if (response.promptFeedback?.blockReason) this.text.append(`[${response.promptFeedback.blockReason}]`);
    if (following) talk.scrollTop = talk.scrollHeight;
  }

  cite(grounding) {
    const supported = new Set((grounding.groundingSupports ?? []).flatMap((s) => s.groundingChunkIndices ?? []));
    this.sources.replaceChildren(
      ...(grounding.groundingChunks ?? []).map((chunk, i) => {
        const source = chunk.retrievedContext ?? {};
        const [name] = (source.uri ?? '').split('#');
        return el(
          'button',
          {
            className: 'source',
            title: supported.has(i) ? 'Words of the answer stand there' : 'Was shown to the model',
            onclick: () => viewer.open(source, fileOf(name)),
          },
          `${supported.has(i) ? '' : 'shown: '}${source.title ?? source.uri}`,
        );
      }),
    );
  }

  /** @param context the cached content that was asked, or undefined */
  done(context) {
    const usage = this.usage ?? {};
    const receipt = this.receipt ?? {};
    const cached = usage.cachedContentTokenCount ?? 0;
    const badge = (text, hit = false, title = '') => el('span', { className: hit ? 'badge hit' : 'badge', title }, text);
    this.badges.append(
      cached > 0
        ? badge(
            `${cached} of ${usage.promptTokenCount} tokens from the cache` +
              (receipt.savedMs > 0 ? `, ${(receipt.savedMs / 1000).toFixed(1)} s saved` : ''),
            true,
            `${receipt.chunksRestored ?? 0} chunks restored`,
          )
        : badge(`${usage.promptTokenCount ?? '?'} tokens prefilled`, false, receipt.missReason ?? ''),
      badge(`first token ${Math.round(this.firstMs ?? 0)} ms`),
      badge(`${usage.candidatesTokenCount ?? 0} tokens${receipt.tokensPerSecond ? `, ${receipt.tokensPerSecond.toFixed(0)} a second` : ''}`),
    );
    if (context) this.badges.append(badge(`context until ${new Date(context.expireTime).toLocaleTimeString()}`));
    if (this.reason && this.reason !== 'STOP') this.badges.append(badge(ENDS[this.reason] ?? this.reason));
    return this.text.textContent;
  }

  fail(message) {
    this.badges.append(el('span', { className: 'bad' }, message));
  }
}
