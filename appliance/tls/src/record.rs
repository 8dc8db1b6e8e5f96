//! The record layer of one direction: framing and AEAD (RFC 8446 sections 5.1 to 5.3).

use core::fmt;

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use mutant::Mutant;
use zeroize::Zeroizing;

use crate::error::TlsError;
use crate::limits;
use crate::suite::CipherSuite;

#[cfg(test)]
mod tests;

/// `legacy_record_version` of all records after the first (RFC 8446 section 5.1).
const VERSION: [u8; 2] = [3, 3];

/// What a record carries (RFC 8446 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    Alert,
    Handshake,
    ApplicationData,
}

impl ContentType {
    const fn octet(self) -> u8 {
        match self {
            ContentType::Alert => 21,
            ContentType::Handshake => 22,
            ContentType::ApplicationData => 23,
        }
    }

    const fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            21 => Some(ContentType::Alert),
            22 => Some(ContentType::Handshake),
            23 => Some(ContentType::ApplicationData),
            _ => None,
        }
    }
}

/// Length of a record in bytes, header included, as its header says.
///
/// # Errors
/// The header of no protected record, or of one that is too long or too short.
pub(crate) fn protected_len(header: [u8; limits::HEADER]) -> Result<usize, TlsError> {
    // legacy_record_version "MUST be ignored for all purposes" (section 5.1).
    let [content_type, _, _, high, low] = header;
    // RFC 8446 section 5: a change_cipher_spec is only dropped before the peer's Finished.
    if content_type != ContentType::ApplicationData.octet() {
        return Err(TlsError::UnexpectedMessage(
            "a record without protection after the handshake",
        ));
    }
    let len = usize::from(u16::from_be_bytes([high, low])).saturating_add(limits::HEADER);
    if len > limits::RECORD {
        return Err(TlsError::RecordOverflow);
    }
    if len < limits::SEALED_OVERHEAD {
        return Err(TlsError::Decode("a record too short for its tag"));
    }
    Ok(len)
}

/// Keys, initialisation vector and sequence number of one direction. The key is wiped by aws-lc
/// when it is freed.
pub(crate) struct RecordCipher {
    key: LessSafeKey,
    iv: Zeroizing<[u8; 12]>,
    /// Of the next record.
    sequence: u64,
}

impl RecordCipher {
    /// A cipher that continues at `sequence`.
    pub(crate) fn new(
        suite: CipherSuite,
        key: &[u8],
        iv: &[u8],
        sequence: u64,
    ) -> Result<Self, TlsError> {
        let refused = || TlsError::Library("a traffic key of a wrong length".to_owned());
        let key = UnboundKey::new(algorithm(suite), key).map_err(|_| refused())?;
        let iv = <[u8; 12]>::try_from(iv).map_err(|_| refused())?;
        Ok(Self {
            key: LessSafeKey::new(key),
            iv: Zeroizing::new(iv),
            sequence,
        })
    }

    /// The sequence number of the next record.
    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// RFC 8446 section 5.3.
    fn nonce(&self) -> Nonce {
        let mut nonce = *self.iv;
        let [.., a, b, c, d, e, f, g, h] = &mut nonce;
        for (octet, sequence) in [a, b, c, d, e, f, g, h]
            .into_iter()
            .zip(self.sequence.to_be_bytes())
        {
            *octet ^= sequence;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts `content` into a record at the start of `out`, reading each byte of it once, and
    /// consumes the sequence number. Gives the record's length in bytes.
    ///
    /// # Errors
    /// [`TlsError::NoRoom`] and [`TlsError::Misuse`] before anything has happened; after
    /// [`TlsError::Library`] and [`TlsError::KeyExhausted`] the cipher must not be used again.
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        content: &[u8],
        out: &mut [u8],
    ) -> Result<usize, TlsError> {
        self.seal_with_type_octet(content_type.octet(), content, out)
    }

    fn seal_with_type_octet(
        &mut self,
        content_type: u8,
        content: &[u8],
        out: &mut [u8],
    ) -> Result<usize, TlsError> {
        let (aad, nonce, ciphertext, tail) = self.begin(content.len(), out)?;
        self.key
            .seal_out_of_place_scatter(
                nonce,
                Aad::from(&aad),
                content,
                ciphertext,
                &[content_type],
                tail,
            )
            .map_err(|_| TlsError::Library("sealing failed".to_owned()))?;
        Ok(len_of_record(content.len()))
    }

    /// As [`RecordCipher::seal`], for `len` bytes of content that lie where their ciphertext goes.
    pub(crate) fn seal_in_place(
        &mut self,
        content_type: ContentType,
        len: usize,
        out: &mut [u8],
    ) -> Result<usize, TlsError> {
        let (aad, nonce, content, tail) = self.begin(len, out)?;
        self.key
            .seal_in_place_scatter(
                nonce,
                Aad::from(&aad),
                content,
                &[content_type.octet()],
                tail,
            )
            .map_err(|_| TlsError::Library("sealing failed".to_owned()))?;
        Ok(len_of_record(len))
    }

    /// Writes the header of a record with `len` bytes of content and consumes its sequence number; gives
    /// additional data, nonce, and the places of ciphertext and of what comes behind it.
    #[expect(clippy::type_complexity, reason = "four parts of one record")]
    fn begin<'a>(
        &mut self,
        len: usize,
        out: &'a mut [u8],
    ) -> Result<([u8; limits::HEADER], Nonce, &'a mut [u8], &'a mut [u8]), TlsError> {
        if len > limits::CONTENT {
            return Err(TlsError::Misuse("content too long for a record"));
        }
        let (header, body) = out
            .get_mut(..len_of_record(len))
            .and_then(|record| record.split_at_mut_checked(limits::HEADER))
            .ok_or(TlsError::NoRoom)?;
        let length = u16::try_from(body.len()).map_err(|_| TlsError::Misuse("content too long"))?;
        let (ciphertext, tail) = body.split_at_mut_checked(len).ok_or(TlsError::NoRoom)?;
        let [high, low] = length.to_be_bytes();
        let aad = [
            ContentType::ApplicationData.octet(),
            VERSION[0],
            VERSION[1],
            high,
            low,
        ];
        header.copy_from_slice(&aad);
        let nonce = self.nonce();
        if mutant::is_on(Mutant::NumberReused) && len == limits::CONTENT {
            return Ok((aad, nonce, ciphertext, tail));
        }
        // Consumed before the cipher runs, so that no way out leaves it to be used again.
        self.sequence = self.sequence.checked_add(1).ok_or(TlsError::KeyExhausted)?;
        Ok((aad, nonce, ciphertext, tail))
    }

    /// Verifies a whole record and decrypts it to the start of `out`, without consuming the
    /// sequence number. Gives what it carries and the content's length; behind the content lie its
    /// type and padding. On failure `out` holds nothing of the record.
    ///
    /// # Errors
    /// The record does not authenticate, or holds no content type that exists.
    pub(crate) fn open(
        &self,
        record: &[u8],
        out: &mut [u8],
    ) -> Result<(ContentType, usize), TlsError> {
        let (header, body) = record
            .split_first_chunk::<{ limits::HEADER }>()
            .ok_or(TlsError::Misuse("not a whole record"))?;
        if protected_len(*header)? != record.len() {
            return Err(TlsError::Misuse("not a whole record"));
        }
        let (ciphertext, tag) = body
            .split_last_chunk::<{ limits::TAG }>()
            .ok_or(TlsError::Decode("a record too short for its tag"))?;
        let out = out.get_mut(..ciphertext.len()).ok_or(TlsError::NoRoom)?;
        let opened =
            self.key
                .open_separate_gather(self.nonce(), Aad::from(header), ciphertext, tag, out);
        if opened.is_err() {
            if !mutant::is_on(Mutant::TagUnchecked) {
                return Err(TlsError::BadRecordMac);
            }
            self.open_unverified(ciphertext, out);
        }
        // RFC 8446 section 5.4: the type is the last octet that is not zero.
        let len = out.iter().rposition(|octet| *octet != 0);
        let content_type = len.and_then(|len| out.get(len)).copied();
        let content_type = content_type.and_then(ContentType::from_octet);
        match (content_type, len) {
            (Some(content_type), Some(len)) => Ok((content_type, len)),
            _ => Err(TlsError::UnexpectedMessage(
                "a record of no known content type",
            )),
        }
    }

    /// What is under the cipher, whether the peer put it there or not: sealing is its own inverse
    /// ([`Mutant::TagUnchecked`]).
    fn open_unverified(&self, ciphertext: &[u8], out: &mut [u8]) {
        let mut tag = [0; limits::TAG];
        let _ = self.key.seal_out_of_place_scatter(
            self.nonce(),
            Aad::empty(),
            ciphertext,
            out,
            &[],
            &mut tag,
        );
    }

    /// The sequence number of the record just opened is used up.
    pub(crate) fn advance(&mut self) -> Result<(), TlsError> {
        self.sequence = self.sequence.checked_add(1).ok_or(TlsError::KeyExhausted)?;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn set_sequence(&mut self, sequence: u64) {
        self.sequence = sequence;
    }
}

/// Bytes of a record with `len` bytes of content and no padding.
fn len_of_record(len: usize) -> usize {
    len.saturating_add(limits::SEALED_OVERHEAD)
}

fn algorithm(suite: CipherSuite) -> &'static Algorithm {
    match suite {
        CipherSuite::Aes128Gcm => &AES_128_GCM,
        CipherSuite::Aes256Gcm => &AES_256_GCM,
        CipherSuite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    }
}

impl fmt::Debug for RecordCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordCipher at record {}", self.sequence)
    }
}
