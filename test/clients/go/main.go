// What the official Go client says, unmodified, with only the address changed. `go run . <base url>`.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	customerio "github.com/customerio/go-customerio/v3"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	// Version 3.6 has its address in a field; later ones take it as an option.
	client := customerio.NewTrackClient("dev", "dev")
	client.URL = os.Args[1]
	must(client.Identify("go/1 +", map[string]interface{}{"email": "go@example.com", "plan": "pro", "big": int64(9007199254740993)}))
	must(client.Track("go/1 +", "order", map[string]interface{}{"total": 19.9}))
	must(client.TrackAnonymous("anon-go", "visited", map[string]interface{}{"page": "home"}))
	must(client.AddDevice("go/1 +", "token-go", "ios", map[string]interface{}{"last_used": "1790000000"}))
	must(client.AddDevice("go/1 +", "token-gone", "android", nil))
	must(client.DeleteDevice("go/1 +", "token-gone"))
	must(client.Identify("go-second", map[string]interface{}{"city": "Paris"}))
	must(client.MergeCustomers(
		customerio.Identifier{Type: customerio.IdentifierTypeID, Value: "go/1 +"},
		customerio.Identifier{Type: customerio.IdentifierTypeID, Value: "go-second"},
	))
	must(client.Identify("go-gone", map[string]interface{}{"a": 1}))
	must(client.Delete("go-gone"))

	// Sends are not taken yet, and the client must be able to read why.
	app := customerio.NewAPIClient("dev")
	app.URL = os.Args[1]
	_, err := app.SendEmail(context.Background(), &customerio.SendEmailRequest{
		TransactionalMessageID: "1", To: "a@example.com", Identifiers: map[string]string{"id": "1"},
	})
	fmt.Printf("%T: %v", err, err)
}
