//! What we have proven about a holder (`denic.md` 5.5).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Line, RequestError};
use crate::model::Claim;
use crate::model::words::words;

/// One block `[VerificationInformation]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What it is about; at least one, and only words that the registry knows.
    pub claims: BTreeSet<Claim>,
    /// How it came out.
    pub result: VerificationResult,
    /// Our own reference, such as a ticket's number.
    pub reference: Line<255>,
    /// When it was done.
    pub at: Timestamp,
    /// What was looked at.
    pub evidence: VerificationEvidence,
    /// How.
    pub method: VerificationMethod,
}

impl Proof {
    /// Does it say that the data are wrong?
    pub fn is_disproof(&self) -> bool {
        self.result == VerificationResult::Failed
    }

    pub(super) fn check(&self) -> Result<(), RequestError> {
        let unknown = self
            .claims
            .iter()
            .find(|claim| matches!(claim, Claim::Other(_)));
        match unknown {
            _ if self.claims.is_empty() => Err(RequestError::new(
                "VerifiedClaim",
                "at least one of name, address, email is expected",
            )),
            Some(claim) => Err(RequestError::new(
                "VerifiedClaim",
                format!("`{claim}` is none of name, address, email"),
            )),
            None => Ok(()),
        }
    }
}

words!(
    /// How a verification came out.
    VerificationResult {
        /// Proven.
        Success = "success",
        /// Disproven: the registry takes the domain out of the zone **at once**. Never for an open case.
        Failed = "failed",
    }
);

words!(
    /// What was looked at.
    VerificationEvidence {
        /// Identity card.
        Idcard = "idcard",
        /// Passport.
        Passport = "passport",
        /// Register of residents.
        PopulationRegister = "population_register",
        /// Residence permit.
        ResidencePermit = "residence_permit",
        /// Proof of arrival.
        ProofOfArrival = "proof_of_arrival",
        /// Driving licence.
        DriversLicence = "drivers_licence",
        /// Register of companies.
        CompanyRegister = "company_register",
        /// A company's own statement.
        CompanyStatement = "company_statement",
        /// Bank account.
        BankAccount = "bank_account",
        /// Account for online payments.
        OnlinePaymentAccount = "online_payment_account",
        /// Account with a supplier.
        UtilityAccount = "utility_account",
        /// Statement of a bank.
        BankStatement = "bank_statement",
        /// Statement of a tax office.
        TaxStatement = "tax_statement",
        /// Attestation on paper.
        WrittenAttestation = "written_attestation",
        /// Attestation in electronic form.
        DigitalAttestation = "digital_attestation",
        /// Record of a letter with a code.
        PostalVerTransactionLog = "postal_ver_transaction_log",
        /// Record of a mail with a code.
        EmailVerTransactionLog = "email_ver_transaction_log",
        /// Database of addresses.
        AddressDatabase = "address_database",
    }
);

words!(
    /// How it was looked at.
    VerificationMethod {
        /// Authentication.
        Auth = "auth",
        /// An electronic document.
        ElectronicDocument = "electronic_document",
        /// A document on paper.
        PhysicalDocument = "physical_document",
        /// Validation of a digital document.
        Vdig = "vdig",
        /// Biometric verification, remote.
        Bvr = "bvr",
        /// Verification by a person, remote.
        Pvr = "pvr",
        /// Comparison of data.
        Data = "data",
        /// A code that only the holder can have read.
        Reachability = "reachability",
    }
);
