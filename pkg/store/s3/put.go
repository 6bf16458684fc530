package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/slidemill/slidemill/pkg/store"
)

// Put implements store.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	name, err := b.name(key)
	if err == nil && size > maxParts*(5<<30) {
		err = fmt.Errorf("%w: %d bytes, more than S3 holds", store.ErrInvalid, size)
	}
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	u := &upload{bucket: b, name: name}
	u.options.ContentType = store.MediaType(key)
	u.options.DisableContentSha256 = true // of the client's own making: see sum
	if err := u.put(ctx, newParts(store.Source(ctx, r, size), size, b.config.PartSize)); err != nil {
		return fmt.Errorf("put %s: %w", key, explain(ctx, err))
	}
	return nil
}

// upload sends one object.
type upload struct {
	bucket  *Bucket
	name    string
	options minio.PutObjectOptions
	id      string
	sent    []minio.CompletePart
	size    int64
}

func (u *upload) put(ctx context.Context, p *parts) error {
	first, last, err := p.next()
	if err != nil {
		return err
	}
	if last {
		return u.whole(ctx, first)
	}
	u.id, err = u.bucket.core.NewMultipartUpload(ctx, u.bucket.config.Bucket, u.name, u.options)
	if err != nil {
		return err
	}
	if err := u.multipart(ctx, first, p); err != nil {
		return errors.Join(err, u.abort(ctx))
	}
	return nil
}

func (u *upload) whole(ctx context.Context, data []byte) error {
	return u.bucket.send(ctx, data, func(body io.Reader) error {
		_, err := u.bucket.core.PutObject(ctx, u.bucket.config.Bucket, u.name, body, int64(len(data)), "", sum(data), u.options)
		return err
	})
}

// sum is what the server checks the bytes against. The client would rather sign them chunk by chunk
// within the body, which not every server takes apart rightly: some store the signatures, and
// versitygw trips over an empty body.
func sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// multipart sends part after part, the first of which was read already.
func (u *upload) multipart(ctx context.Context, data []byte, p *parts) (err error) {
	for last := false; ; {
		if err := u.part(ctx, data); err != nil {
			return err
		}
		if last {
			return u.complete(ctx)
		}
		if len(u.sent) == maxParts {
			return fmt.Errorf("%w: more than %d bytes of unknown size: announce the size", store.ErrInvalid, u.size)
		}
		if data, last, err = p.next(); err != nil {
			return err
		}
	}
}

func (u *upload) part(ctx context.Context, data []byte) error {
	number := len(u.sent) + 1
	err := u.bucket.send(ctx, data, func(body io.Reader) error {
		options := minio.PutObjectPartOptions{Sha256Hex: sum(data), DisableContentSha256: true}
		part, err := u.bucket.core.PutObjectPart(ctx, u.bucket.config.Bucket, u.name, u.id, number, body, int64(len(data)), options)
		if err == nil {
			u.sent = append(u.sent, minio.CompletePart{PartNumber: number, ETag: part.ETag})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("part %d: %w", number, err)
	}
	u.size += int64(len(data))
	return nil
}

// complete publishes the object. If the answer was lost and the request sent again, the server no
// longer knows the upload: then the object tells.
func (u *upload) complete(ctx context.Context) error {
	bucket := u.bucket.config.Bucket
	_, err := u.bucket.core.CompleteMultipartUpload(ctx, bucket, u.name, u.id, u.sent, u.options)
	if answerOf(err).Code != "NoSuchUpload" {
		return err
	}
	info, statErr := u.bucket.core.StatObject(ctx, bucket, u.name, minio.StatObjectOptions{})
	if statErr == nil && info.Size == u.size && time.Since(info.LastModified) < time.Hour {
		return nil
	}
	return err
}

// abort frees the parts on the server, also when ctx has ended.
func (u *upload) abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := u.bucket.core.AbortMultipartUpload(ctx, u.bucket.config.Bucket, u.name, u.id)
	if err == nil || answerOf(err).Code == "NoSuchUpload" {
		return nil
	}
	return fmt.Errorf("abort the upload: %w", err)
}

// parts cuts a reader into pieces of one size. It looks a byte ahead, so that it knows the last piece,
// and so that a reader's failure at its very end is seen before the object appears.
type parts struct {
	r     io.Reader
	piece int64
	buf   []byte // grows to piece+1; reused
	ahead bool   // buf's last byte is the first of the next piece
}

// newParts chooses pieces so that maxParts of them hold the object, if its size is known.
func newParts(r io.Reader, size, piece int64) *parts {
	piece = max(piece, (size+maxParts-1)/maxParts)
	room := int64(64 << 10)
	if size >= 0 {
		room = min(size, piece) + 1
	}
	return &parts{r: r, piece: piece, buf: make([]byte, 0, room)}
}

// next is the next piece, valid until the call after, and whether it is the last.
func (p *parts) next() (data []byte, last bool, err error) {
	if p.ahead {
		p.buf[0] = p.buf[p.piece]
		p.buf = p.buf[:1]
	}
	for int64(len(p.buf)) <= p.piece {
		if err := p.fill(); err == io.EOF {
			return p.buf, true, nil
		} else if err != nil {
			return nil, false, err
		}
	}
	p.ahead = true
	return p.buf[:p.piece], false, nil
}

// fill reads once, at most to one byte beyond the piece.
func (p *parts) fill() error {
	if len(p.buf) == cap(p.buf) {
		p.buf = store.Grow(p.buf, p.piece+1)
	}
	n, err := p.r.Read(p.buf[len(p.buf):min(int64(cap(p.buf)), p.piece+1)])
	p.buf = p.buf[:len(p.buf)+n]
	return err
}
