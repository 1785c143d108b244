/** One request written for each of the clients that people use. */

const js = (value, indent = 2) => JSON.stringify(value, null, indent);
/** A literal of Python: like JSON but for three words. */
function python(value, indent = '') {
  const deeper = `${indent}    `;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map((v) => `\n${deeper}${python(v, deeper)},`).join('')}\n${indent}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).map(([k, v]) => `\n${deeper}${JSON.stringify(k)}: ${python(v, deeper)},`);
  return `{${fields.join('')}\n${indent}}`;
}
/** JSON inside a string literal of Go or Java. */
const quoted = (value) => JSON.stringify(JSON.stringify(value));
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const snake = (name) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
const snakeKeys = (value) =>
  Array.isArray(value)
    ? value.map(snakeKeys)
    : value && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([k, v]) => [snake(k), snakeKeys(v)]))
      : value;

/** The SDKs take the system instruction and the context's name among the settings. */
function config(request) {
  const { contents, generationConfig, ...rest } = request;
  return { ...generationConfig, ...rest };
}

export const LANGUAGES = {
  Python: (origin, model, request) => `from google import genai

client = genai.Client(api_key="YOUR_KEY", http_options={"base_url": "${origin}"})
for chunk in client.models.generate_content_stream(
    model="${model}",
    contents=${python(snakeKeys(request.contents), '    ')},
    config=${python(snakeKeys(config(request)), '    ')},
):
    print(chunk.text or "", end="", flush=True)
`,
  JavaScript: (origin, model, request) => `import { GoogleGenAI } from "@google/genai";

const ai = new GoogleGenAI({ apiKey: "YOUR_KEY", httpOptions: { baseUrl: "${origin}" } });
const stream = await ai.models.generateContentStream({
  model: "${model}",
  contents: ${js(request.contents)},
  config: ${js(config(request))},
});
for await (const chunk of stream) process.stdout.write(chunk.text ?? "");
`,
  Go: (origin, model, request) => `package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"google.golang.org/genai"
)

func main() {
	ctx := context.Background()
	client, err := genai.NewClient(ctx, &genai.ClientConfig{
		APIKey: "YOUR_KEY", Backend: genai.BackendGeminiAPI,
		HTTPOptions: genai.HTTPOptions{BaseURL: "${origin}"},
	})
	if err != nil {
		log.Fatal(err)
	}
	var contents []*genai.Content
	var config genai.GenerateContentConfig
	must(json.Unmarshal([]byte(${quoted(request.contents)}), &contents))
	must(json.Unmarshal([]byte(${quoted(config(request))}), &config))
	for chunk, err := range client.Models.GenerateContentStream(ctx, "${model}", contents, &config) {
		must(err)
		fmt.Print(chunk.Text())
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
`,
  Java: (origin, model, request) => `import com.google.genai.Client;
import com.google.genai.types.Content;
import com.google.genai.types.GenerateContentConfig;
import com.google.genai.types.HttpOptions;
import java.util.List;

class Ask {
    public static void main(String[] args) {
        Client client = Client.builder().apiKey("YOUR_KEY")
                .httpOptions(HttpOptions.builder().baseUrl("${origin}").build()).build();
        List<Content> contents = List.of(${request.contents.map((c) => `Content.fromJson(${quoted(c)})`).join(', ')});
        var config = GenerateContentConfig.fromJson(${quoted(config(request))});
        for (var chunk : client.models.generateContentStream("${model}", contents, config)) {
            System.out.print(chunk.text());
        }
    }
}
`,
  curl: (origin, model, request) => `curl -sN ${shell(`${origin}/v1beta/models/${model}:streamGenerateContent?alt=sse`)} \\
  -H "x-goog-api-key: YOUR_KEY" -H "Content-Type: application/json" -d ${shell(js(request))}
`,
};
