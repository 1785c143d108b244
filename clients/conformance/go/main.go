// Google's Go SDK, unmodified, through every case.
//
//	go mod init conformance && go get google.golang.org/genai@latest && go mod tidy
//	LONGREACH_URL=http://127.0.0.1:8080 go run . [CASE ...]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/genai"
)

const (
	fact     = "The lighthouse at Skerrow was built in 1874 and its lamp can be seen for thirty kilometres. "
	question = "When was the lighthouse built?"
)

var (
	cases = strings.Fields(`generate stream chat system_instruction image audio video pdf files count_tokens
		cached_content function_calling json_schema embeddings transcription interactions
		error_bad_key error_bad_model error_quota error_too_long`)
	url      = env("LONGREACH_URL", "")
	key      = env("LONGREACH_KEY", "any")
	model    = env("LONGREACH_MODEL", "smollm2-135m")
	embedder = env("LONGREACH_EMBEDDER", "all-minilm-l6-v2")
	ctx      = context.Background()
	client   = connect(key)
)

func env(name, other string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return other
}

func connect(key string) *genai.Client {
	made, err := genai.NewClient(ctx, &genai.ClientConfig{
		APIKey: key, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: url},
	})
	must(err)
	return made
}

type notApplicable string

// must and check end a case by panicking; run turns that into its line.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(holds bool, shown any) {
	if !holds {
		text, err := json.Marshal(shown)
		if err != nil {
			text = []byte(fmt.Sprint(shown))
		}
		panic(errors.New("check failed: " + string(text)))
	}
}

func config() *genai.GenerateContentConfig {
	return &genai.GenerateContentConfig{Temperature: genai.Ptr[float32](0), MaxOutputTokens: 8}
}

func ask(contents []*genai.Content, config *genai.GenerateContentConfig) *genai.GenerateContentResponse {
	answer, err := client.Models.GenerateContent(ctx, model, contents, config)
	must(err)
	return answer
}

func checkAnswer(answer *genai.GenerateContentResponse) {
	usage := answer.UsageMetadata
	check(answer.Text() != "" && answer.Candidates[0].FinishReason != "", answer)
	check(usage.TotalTokenCount == usage.PromptTokenCount+usage.CandidatesTokenCount, usage)
}

// refused returns the error's message.
func refused(err error, code int) string {
	var api genai.APIError
	check(errors.As(err, &api), fmt.Sprintf("%T %v", err, err))
	check(api.Code == code, api)
	return api.Error()
}

func media(name string) string {
	return filepath.Join(env("LONGREACH_MEDIA", "../media"), name)
}

// about: what was read of the media must have reached the model, so the answer or the grounding repeats it.
func about(name, mimeType, question, expected string, modality genai.MediaModality) {
	data, err := os.ReadFile(media(name))
	must(err)
	contents := []*genai.Content{genai.NewContentFromParts(
		[]*genai.Part{genai.NewPartFromBytes(data, mimeType), genai.NewPartFromText(question)}, genai.RoleUser)}
	longer := config()
	longer.MaxOutputTokens = 16
	answer := ask(contents, longer)
	checkAnswer(answer)
	text, err := json.Marshal(answer)
	must(err)
	check(strings.Contains(string(text), expected), answer)
	found := false
	for _, each := range answer.UsageMetadata.PromptTokensDetails {
		found = found || each.Modality == modality && each.TokenCount > 0
	}
	check(found, answer.UsageMetadata)
	counted, err := client.Models.CountTokens(ctx, model, contents, nil)
	must(err)
	check(counted.TotalTokens == answer.UsageMetadata.PromptTokenCount, counted)
}

func uploaded(name, mimeType string) *genai.File {
	file, err := client.Files.UploadFromPath(ctx, media(name), &genai.UploadFileConfig{MIMEType: mimeType, DisplayName: name})
	must(err)
	for file.State == genai.FileStateProcessing {
		time.Sleep(200 * time.Millisecond)
		file, err = client.Files.Get(ctx, file.Name, nil)
		must(err)
	}
	check(file.State == genai.FileStateActive, file)
	return file
}

func generate() { checkAnswer(ask(genai.Text(fact+question), config())) }

func stream() {
	whole := ask(genai.Text(fact+question), config())
	text, pieces := "", 0
	for piece, err := range client.Models.GenerateContentStream(ctx, model, genai.Text(fact+question), config()) {
		must(err)
		text += piece.Text()
		pieces++
	}
	check(pieces > 1 && text == whole.Text(), text)
}

func chat() {
	talk, err := client.Chats.Create(ctx, model, config(), nil)
	must(err)
	first, err := talk.SendMessage(ctx, genai.Part{Text: "My name is Ada."})
	must(err)
	second, err := talk.SendMessage(ctx, genai.Part{Text: "What is my name?"})
	must(err)
	checkAnswer(second)
	check(second.UsageMetadata.PromptTokenCount > first.UsageMetadata.PromptTokenCount, second)
	check(len(talk.History(false)) == 4, talk.History(false))
}

func systemInstruction() {
	told := config()
	told.SystemInstruction = genai.NewContentFromText("Answer with one word. "+fact, genai.RoleUser)
	check(ask(genai.Text(question), told).Text() != ask(genai.Text(question), config()).Text(), "the same answer")
}

func video() {
	file := uploaded("clip.mp4", "video/mp4")
	longer := config()
	longer.MaxOutputTokens = 16
	answer := ask([]*genai.Content{genai.NewContentFromParts([]*genai.Part{
		genai.NewPartFromURI(file.URI, file.MIMEType), genai.NewPartFromText("Who is the speaker?")}, genai.RoleUser)}, longer)
	checkAnswer(answer)
	text, err := json.Marshal(answer)
	must(err)
	check(strings.Contains(string(text), "Kennedy"), answer)
	_, err = client.Files.Delete(ctx, file.Name, nil)
	must(err)
}

func files() {
	file := uploaded("notice.pdf", "application/pdf")
	found := false
	for each, err := range client.Files.All(ctx) {
		must(err)
		found = found || each.Name == file.Name
	}
	check(found, file)
	_, err := client.Files.Delete(ctx, file.Name, nil)
	must(err)
	_, err = client.Files.Get(ctx, file.Name, nil)
	refused(err, 404)
}

func countTokens() {
	counted, err := client.Models.CountTokens(ctx, model, genai.Text(fact+question), nil)
	must(err)
	check(counted.TotalTokens == ask(genai.Text(fact+question), config()).UsageMetadata.PromptTokenCount, counted)
}

func cachedContent() {
	cache, err := client.Caches.Create(ctx, model, &genai.CreateCachedContentConfig{
		Contents: genai.Text(strings.Repeat(fact, 12)), DisplayName: "light", TTL: 5 * time.Minute,
	})
	must(err)
	with := config()
	with.CachedContent = cache.Name
	answer := ask(genai.Text(question), with)
	check(answer.UsageMetadata.CachedContentTokenCount > 100, answer.UsageMetadata)
	got, err := client.Caches.Get(ctx, cache.Name, nil)
	must(err)
	check(got.DisplayName == "light", got)
	found := false
	for each, err := range client.Caches.All(ctx) {
		must(err)
		found = found || each.Name == cache.Name
	}
	check(found, cache)
	longer, err := client.Caches.Update(ctx, cache.Name, &genai.UpdateCachedContentConfig{TTL: 2 * time.Hour})
	must(err)
	check(longer.ExpireTime.After(cache.ExpireTime), longer)
	_, err = client.Caches.Delete(ctx, cache.Name, nil)
	must(err)
	_, err = client.Caches.Get(ctx, cache.Name, nil)
	refused(err, 404)
}

func functionCalling() {
	city := &genai.Schema{Type: genai.TypeString, MaxLength: genai.Ptr[int64](30)}
	tools := []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{
		Name: "get_weather", Description: "Tells the weather in a city.",
		Parameters: &genai.Schema{
			Type: genai.TypeObject, Properties: map[string]*genai.Schema{"city": city}, Required: []string{"city"},
		},
	}}}}
	mode := func(mode genai.FunctionCallingConfigMode, tokens int32) *genai.GenerateContentConfig {
		made := config()
		made.Tools, made.MaxOutputTokens = tools, tokens
		made.ToolConfig = &genai.ToolConfig{FunctionCallingConfig: &genai.FunctionCallingConfig{Mode: mode}}
		return made
	}
	contents := genai.Text("What is the weather in Oslo?")
	asked := ask(contents, mode(genai.FunctionCallingConfigModeAny, 80))
	check(len(asked.FunctionCalls()) > 0, asked)
	call := asked.FunctionCalls()[0]
	_, named := call.Args["city"].(string)
	check(call.Name == "get_weather" && named, asked)
	result := genai.NewPartFromFunctionResponse(call.Name, map[string]any{"sky": "clear", "degrees": 12})
	contents = append(contents, asked.Candidates[0].Content,
		genai.NewContentFromParts([]*genai.Part{result}, genai.RoleUser))
	checkAnswer(ask(contents, mode(genai.FunctionCallingConfigModeNone, 8)))
}

func jsonSchema() {
	made := config()
	made.MaxOutputTokens = 80
	made.ResponseMIMEType = "application/json"
	made.ResponseSchema = &genai.Schema{Type: genai.TypeObject, Required: []string{"name", "year"},
		Properties: map[string]*genai.Schema{
			"name": {Type: genai.TypeString, MaxLength: genai.Ptr[int64](20)}, "year": {Type: genai.TypeInteger},
		}}
	answer := ask(genai.Text("The Aurora was built in 1904. Describe the ship as JSON."), made)
	var ship struct {
		Name string
		Year int
	}
	must(json.Unmarshal([]byte(answer.Text()), &ship))
}

func embeddings() {
	texts := []string{"The ferry leaves at six.", "A boat departs in the evening.", "The soup is too salty."}
	var contents []*genai.Content
	for _, text := range texts {
		contents = append(contents, genai.NewContentFromText(text, genai.RoleUser))
	}
	made, err := client.Models.EmbedContent(ctx, embedder, contents, nil)
	must(err)
	check(len(made.Embeddings) == 3 && len(made.Embeddings[0].Values) == 384, len(made.Embeddings))
	cosine := func(a, b []float32) float64 {
		var ab, aa, bb float64
		for i := range a {
			ab += float64(a[i] * b[i])
			aa += float64(a[i] * a[i])
			bb += float64(b[i] * b[i])
		}
		return ab / math.Sqrt(aa*bb)
	}
	v := made.Embeddings
	check(cosine(v[0].Values, v[1].Values) > cosine(v[0].Values, v[2].Values)+0.2, "the nearer one is not nearer")
}

func short(client *genai.Client, model, text string) error {
	made := config()
	made.MaxOutputTokens = 1
	_, err := client.Models.GenerateContent(ctx, model, genai.Text(text), made)
	return err
}

func errorQuota() {
	limited := connect(env("LONGREACH_LIMITED_KEY", "none"))
	err := short(limited, model, "Hello")
	if err == nil {
		err = short(limited, model, "Hello")
	}
	check(strings.Contains(refused(err, 429), "RESOURCE_EXHAUSTED"), err)
}

var functions = map[string]func(){
	"generate": generate, "stream": stream, "chat": chat, "system_instruction": systemInstruction,
	"image": func() {
		about("sign.png", "image/png", "Where does the train go?", "Velmora", genai.MediaModalityImage)
	},
	"audio": func() { about("speech.mp3", "audio/mpeg", "Who is spoken to?", "Americans", genai.MediaModalityAudio) },
	"pdf": func() {
		about("notice.pdf", "application/pdf", "Who is the harbour master?", "Solberg", genai.MediaModalityDocument)
	},
	"video": video, "files": files, "count_tokens": countTokens, "cached_content": cachedContent,
	"function_calling": functionCalling, "json_schema": jsonSchema, "embeddings": embeddings,
	"interactions":    interactionsCase,
	"error_bad_key":   func() { check(strings.Contains(refused(short(connect("wrong"), model, "Hi"), 400), "API key"), "") },
	"error_bad_model": func() { check(strings.Contains(refused(short(client, "no-such-model", "Hi"), 404), "no-such"), "") },
	"error_quota":     errorQuota,
	"error_too_long":  func() { refused(short(client, model, strings.Repeat("word ", 20000)), 400) },
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == "google.golang.org/genai" {
				return strings.TrimPrefix(dependency.Version, "v")
			}
		}
	}
	return "unknown"
}

func run(name string) (line map[string]any) {
	began := time.Now()
	line = map[string]any{"client": "google.golang.org/genai", "language": "Go", "version": version(), "case": name}
	defer func() {
		switch reason := recover().(type) {
		case nil:
			line["outcome"] = "pass"
		case notApplicable:
			line["outcome"], line["reason"] = "n/a", string(reason)
		default:
			line["outcome"], line["reason"] = "fail", fmt.Sprint(reason)
		}
		line["ms"] = time.Since(began).Milliseconds()
	}()
	function, known := functions[name]
	if !known {
		panic(notApplicable("the client has no such call"))
	}
	function()
	return line
}

func main() {
	wanted := cases
	if len(os.Args) > 1 {
		wanted = os.Args[1:]
	}
	failed := 0
	for _, name := range wanted {
		line := run(name)
		text, err := json.Marshal(line)
		must(err)
		fmt.Println(string(text))
		if line["outcome"] == "fail" {
			failed = 1
		}
	}
	os.Exit(failed)
}
