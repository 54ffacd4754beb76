//! What every HTTP provider needs: one send policy, retry, rate gate, redaction
