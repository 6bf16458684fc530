package s3

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/slidemill/slidemill/pkg/store"
)

// Config says where the objects are. Secrets come from files or the environment, never from a URL.
type Config struct {
	Bucket   string
	Prefix   string // begins every key in the bucket; without slashes at its ends
	Endpoint string // URL of the server; empty means $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, then AWS
	Region   string // empty means $AWS_REGION, then us-east-1

	// AccessKey and Secret are for those who hold them in memory. Without them, in this order:
	// $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, $MINIO_ACCESS_KEY and $MINIO_SECRET_KEY, the
	// file, and on AWS the machine's own role.
	AccessKey, Secret string
	CredentialsFile   string // as the AWS tools write it; empty means theirs
	Profile           string // section of the file

	CA string // PEM file: trust these authorities instead of the system's; empty means $AWS_CA_BUNDLE

	Create bool // make the bucket if it is not there

	// PartSize is the grain of large objects, and the memory that a Put of one takes; 0 means 16 MiB.
	PartSize int64
	// Stall is how long a connection may be silent before it is given up; 0 means 30 s.
	Stall time.Duration
	// Tries is how often one request is sent before its error is reported; 0 means 3. Patience with
	// longer trouble is store/retry's affair.
	Tries int
	// Transport replaces the connection, for tests.
	Transport http.RoundTripper
}

const (
	defaultPart = 16 << 20
	minPart     = 5 << 20 // S3's own limit, but for the last
	maxParts    = 10_000  // S3's own limit
)

// Parse reads s3://BUCKET/PREFIX, with the server as ?endpoint=URL&region=NAME if the environment does
// not name it. A password in it is refused: it would end in a log.
func Parse(text string) (Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return Config{}, errors.New("store URL: want s3://BUCKET/PREFIX")
	}
	if u.User != nil {
		return Config{}, errors.New("store URL: holds a user: give credentials in the environment or a file")
	}
	c := Config{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	for name, values := range u.Query() {
		switch name {
		case "endpoint":
			c.Endpoint = values[0]
		case "region":
			c.Region = values[0]
		default:
			return Config{}, fmt.Errorf("store URL: unknown option %.20q: want endpoint or region", name)
		}
	}
	return c, c.withDefaults().validate()
}

// String names the place, without secrets.
func (c Config) String() string {
	return strings.TrimSuffix("s3://"+c.Bucket+"/"+c.Prefix, "/")
}

func (c Config) withDefaults() Config {
	c.Endpoint = cmp.Or(c.Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), "https://s3.amazonaws.com")
	c.Region = cmp.Or(c.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	c.CA = cmp.Or(c.CA, os.Getenv("AWS_CA_BUNDLE"))
	c.PartSize = cmp.Or(c.PartSize, defaultPart)
	c.Stall = cmp.Or(c.Stall, 30*time.Second)
	c.Tries = cmp.Or(c.Tries, 3)
	return c
}

func (c Config) validate() error {
	if c.Prefix != "" {
		if err := store.CheckKey(c.Prefix); err != nil {
			return fmt.Errorf("store prefix: %w", err)
		}
	}
	if c.PartSize < minPart || c.Stall < 0 || c.Tries < 1 {
		return fmt.Errorf("store: parts of %d bytes, %v of silence, %d tries: want at least %d, 0, 1", c.PartSize, c.Stall, c.Tries, minPart)
	}
	_, err := c.server()
	return err
}

// server is the endpoint's URL.
func (c Config) server() (*url.URL, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("store endpoint: want http://HOST:PORT or https://HOST:PORT, without a password or a path")
	}
	return u, nil
}

// credentials lists the sources in the order that Config promises.
func (c Config) credentials(server *url.URL) *credentials.Credentials {
	if c.AccessKey != "" {
		return credentials.NewStaticV4(c.AccessKey, c.Secret, "")
	}
	chain := []credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.EnvMinio{},
		&credentials.FileAWSCredentials{Filename: c.CredentialsFile, Profile: c.Profile},
	}
	if strings.HasSuffix(server.Hostname(), ".amazonaws.com") { // elsewhere the question would time out
		chain = append(chain, &credentials.IAM{})
	}
	return credentials.NewChainCredentials(chain)
}
