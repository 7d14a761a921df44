module sluice/clients

go 1.17

require github.com/customerio/go-customerio/v3 v3.6.0
