package natsbus

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"
)

// Pin names a server's TLS key: the first 16 bytes of SHA-256 over its subject
// public key info. That many are out of reach for a second key, and short
// enough for a code that people copy.
type Pin [16]byte

// IsZero tells whether there is no pin.
func (p Pin) IsZero() bool { return p == Pin{} }

// String is hex.
func (p Pin) String() string { return hex.EncodeToString(p[:]) }

// ErrPin: the server at the address has another TLS key than the one agreed:
// somebody stands between, or the peer changed its key.
var ErrPin = errors.New("the server has another TLS key than the one agreed")

// PinOf is the pin of a server with this key.
func PinOf(key ed25519.PublicKey) (Pin, error) {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Pin{}, fmt.Errorf("encode the TLS key: %w", err)
	}
	return pinOf(spki), nil
}

func pinOf(spki []byte) Pin {
	sum := sha256.Sum256(spki)
	return Pin(sum[:len(Pin{})])
}

// certificate signs key with itself. Nobody looks at anything but the key, so
// names say nothing and the time never runs out.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "parley"},
		DNSNames:     []string{"parley"},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the TLS certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func serverTLS(key ed25519.PrivateKey) (*tls.Config, error) {
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}, nil
}

// pinnedTLS takes the server with that key and no other. The usual checks of
// names and authorities are off because the pin says more than they do.
func pinnedTLS(pin Pin) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || pinOf(state.PeerCertificates[0].RawSubjectPublicKeyInfo) != pin {
				return ErrPin
			}
			return nil
		},
	}
}

// authorityTLS checks the server's certificate against the system's
// authorities, or those in file.
func authorityTLS(file string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return config, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authorities: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return config, nil
}
