import * as api from './api.js';
import { $, attempt, el } from './dom.js';

/** Shows a file at the page or the second that an answer rests on. */

const blobs = new Map();
let shown = '';

async function blobUrl(name) {
  if (!blobs.has(name)) blobs.set(name, URL.createObjectURL(await api.download(name)));
  return blobs.get(name);
}

export function forget(name) {
  if (blobs.has(name)) URL.revokeObjectURL(blobs.get(name));
  blobs.delete(name);
  if (shown === name) close();
}

export function close() {
  $('viewer').hidden = true;
  $('viewer-body').replaceChildren();
  shown = '';
}

/** @param source retrievedContext of a grounding chunk: uri "files/x#page=3" or "files/x#t=42,53.2", title, text */
export function open(source, file) {
  return attempt(async () => {
    const [name, place = ''] = (source.uri ?? '').split('#');
    $('viewer').hidden = false;
    $('viewer-title').textContent = source.title ?? name;
    $('viewer-text').textContent = source.text ?? '';
    const url = await blobUrl(name);
    const type = file?.mimeType ?? '';
    let player = shown === name ? $('viewer-body').querySelector('video, audio') : null;
    if (type.startsWith('video/') || type.startsWith('audio/')) {
      if (!player) {
        player = el(type.startsWith('video/') ? 'video' : 'audio', { src: url, controls: true });
        $('viewer-body').replaceChildren(player);
      }
      seek(player, Number(/^t=([\d.]+)/.exec(place)?.[1] ?? 0));
    } else if (type === 'application/pdf') {
      // Another page of the same file is another document to the browser: the frame is made anew.
      $('viewer-body').replaceChildren(el('iframe', { src: `${url}#${place}`, title: source.title ?? name }));
    } else if (type.startsWith('image/')) {
      $('viewer-body').replaceChildren(el('img', { src: url, alt: source.title ?? name }));
    } else {
      $('viewer-body').replaceChildren(el('p', { className: 'hint' }, 'The passage that the answer rests on:'));
    }
    shown = name;
  });
}

function seek(player, seconds) {
  const go = () => {
    player.currentTime = seconds;
  };
  if (player.readyState > 0) go();
  else player.addEventListener('loadedmetadata', go, { once: true });
}
