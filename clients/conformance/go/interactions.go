//go:build !without_interactions

package main

import (
	"errors"

	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/apierrors"
	"google.golang.org/genai/interactions/models/interactions"
	"google.golang.org/genai/interactions/models/operations"
)

func interact(text string, after *string) *interactions.Interaction {
	input := interactions.NewInteractionsInput(text)
	made, err := client.Interactions.Create(ctx, operations.CreateInteractionRequest{
		Body: operations.NewCreateInteractionRequestBody(interactions.CreateModelInteraction{
			Model: interactions.Model(model), Input: &input, PreviousInteractionID: after,
			GenerationConfig: &interactions.GenerationConfig{MaxOutputTokens: genai.Ptr(8)},
		}),
	})
	must(err)
	check(made.Interaction != nil && made.Interaction.ID != nil, made)
	return made.Interaction
}

func interactionsCase() {
	first := interact("My name is Ada.", nil)
	second := interact("What is my name?", first.ID)
	check(*second.Usage.TotalInputTokens > *first.Usage.TotalInputTokens, second)
	got, err := client.Interactions.Get(ctx, operations.GetInteractionByIDRequest{ID: *second.ID})
	must(err)
	check(*got.Interaction.ID == *second.ID, got)
	_, err = client.Interactions.Delete(ctx, operations.DeleteInteractionRequest{ID: *second.ID})
	must(err)
	_, err = client.Interactions.Get(ctx, operations.GetInteractionByIDRequest{ID: *second.ID})
	var refused *apierrors.GetInteractionByIDClientError
	check(errors.As(err, &refused) && refused.HTTPMeta.Response.StatusCode == 404, err)
}
