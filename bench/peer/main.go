// A certificate authority as Linkerd's identity service is one, on grpc-go and crypto/x509: the peer
// of bench/run certify. It serves io.linkerd.proxy.identity.Identity/Certify over mutual TLS 1.3. It
// checks an ES256 token where Linkerd asks Kubernetes, or takes the client certificate of the
// connection for a request without one. It keeps no record of what it has issued.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	lifetime = 24 * time.Hour
	skew     = 20 * time.Second
	audience = "identity.l5d.io"
)

// request and response are messages of identity.proto, read and written field by field.
type request struct {
	identity   string
	token, csr []byte
}

type response struct {
	leaf          []byte
	intermediates [][]byte
	validUntil    time.Time
}

type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	answer := v.(*response)
	var out []byte
	out = protowire.AppendTag(out, 1, protowire.BytesType)
	out = protowire.AppendBytes(out, answer.leaf)
	for _, der := range answer.intermediates {
		out = protowire.AppendTag(out, 2, protowire.BytesType)
		out = protowire.AppendBytes(out, der)
	}
	var until []byte
	until = protowire.AppendTag(until, 1, protowire.VarintType)
	until = protowire.AppendVarint(until, uint64(answer.validUntil.Unix()))
	out = protowire.AppendTag(out, 3, protowire.BytesType)
	out = protowire.AppendBytes(out, until)
	return mem.BufferSlice{mem.SliceBuffer(out)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	in := data.Materialize()
	asked := v.(*request)
	for len(in) > 0 {
		number, kind, n := protowire.ConsumeTag(in)
		if n < 0 {
			return protowire.ParseError(n)
		}
		in = in[n:]
		if kind != protowire.BytesType {
			n = protowire.ConsumeFieldValue(number, kind, in)
			if n < 0 {
				return protowire.ParseError(n)
			}
			in = in[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(in)
		if n < 0 {
			return protowire.ParseError(n)
		}
		in = in[n:]
		switch number {
		case 1:
			asked.identity = string(value)
		case 2:
			asked.token = value
		case 3:
			asked.csr = value
		}
	}
	return nil
}

type authority struct {
	issuer   *x509.Certificate
	key      *ecdsa.PrivateKey
	chain    [][]byte
	tokenKey *ecdsa.PublicKey
}

func (a *authority) certify(ctx context.Context, asked *request) (*response, error) {
	if asked.identity == "" || len(asked.csr) == 0 {
		return nil, status.Error(codes.InvalidArgument, "identity or certificate_signing_request is empty")
	}
	csr, err := x509.ParseCertificateRequest(asked.csr)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if len(csr.DNSNames) != 1 || csr.DNSNames[0] != asked.identity {
		return nil, status.Errorf(codes.FailedPrecondition, "names of the request: %v", csr.DNSNames)
	}
	holder, err := a.attest(ctx, asked.token)
	if err != nil {
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	if holder != asked.identity {
		return nil, status.Errorf(codes.FailedPrecondition, "evidence of %s", holder)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: asked.identity},
		DNSNames:              csr.DNSNames,
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(lifetime + skew),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	leaf, err := x509.CreateCertificate(rand.Reader, template, a.issuer, csr.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &response{leaf: leaf, intermediates: a.chain, validUntil: template.NotAfter}, nil
}

// attest says whose the token is, or the certificate of the connection when there is no token.
func (a *authority) attest(ctx context.Context, token []byte) (string, error) {
	if len(token) == 0 {
		from, ok := peer.FromContext(ctx)
		if !ok {
			return "", errors.New("no peer")
		}
		info, ok := from.AuthInfo.(credentials.TLSInfo)
		if !ok || len(info.State.VerifiedChains) == 0 {
			return "", errors.New("neither token nor certificate")
		}
		return info.State.PeerCertificates[0].DNSNames[0], nil
	}
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 {
		return "", errors.New("malformed token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return "", errors.New("malformed signature")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(a.tokenKey, digest[:], r, s) {
		return "", errors.New("token is not signed by the token key")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	var claims struct {
		Subject  string `json:"sub"`
		Audience any    `json:"aud"`
		Expiry   int64  `json:"exp"`
	}
	if err := json.Unmarshal(body, &claims); err != nil {
		return "", err
	}
	if fmt.Sprint(claims.Audience) != audience || time.Now().Unix() >= claims.Expiry {
		return "", errors.New("token of another audience, or expired")
	}
	names := strings.Split(claims.Subject, ":")
	if len(names) != 4 {
		return "", errors.New("malformed subject")
	}
	return names[3] + "." + names[2] + ".serviceaccount.identity.linkerd.cluster.local", nil
}

func handle(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	asked := new(request)
	if err := decode(asked); err != nil {
		return nil, err
	}
	return srv.(*authority).certify(ctx, asked)
}

func certificates(file string) []*x509.Certificate {
	rest, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, one)
	}
}

func key(file string) *ecdsa.PrivateKey {
	text, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	block, _ := pem.Decode(text)
	read, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	return read.(*ecdsa.PrivateKey)
}

func main() {
	listen := flag.String("listen", "", "IP:PORT")
	issuer := flag.String("issuer", "", "issuer's chain, PEM")
	issuerKey := flag.String("issuer-key", "", "PKCS#8, PEM")
	anchors := flag.String("anchors", "", "PEM")
	server := flag.String("server", "", "own chain, PEM")
	serverKey := flag.String("server-key", "", "PKCS#8, PEM")
	tokenKey := flag.String("token-key", "", "key that signs tokens; its public half is used")
	flag.Parse()

	chain := certificates(*issuer)
	a := &authority{issuer: chain[0], key: key(*issuerKey), tokenKey: &key(*tokenKey).PublicKey}
	for _, one := range chain {
		a.chain = append(a.chain, one.Raw)
	}
	own, err := tls.LoadX509KeyPair(*server, *serverKey)
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	for _, anchor := range certificates(*anchors) {
		trusted.AddCert(anchor)
	}
	config := &tls.Config{
		Certificates:           []tls.Certificate{own},
		ClientAuth:             tls.VerifyClientCertIfGiven,
		ClientCAs:              trusted,
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2"},
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	grpcServer := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)), grpc.ForceServerCodecV2(codec{}))
	grpcServer.RegisterService(&grpc.ServiceDesc{
		ServiceName: "io.linkerd.proxy.identity.Identity",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Certify", Handler: handle}},
	}, a)
	log.Fatal(grpcServer.Serve(listener))
}
